// npm run kernel NAME: compares one kernel with its float64 twin at the default model's sizes, then times it.

import process from "node:process";
import { tuneEngine } from "../src/node.ts";
import { CASES, measureCase, openMemory } from "./kernels.ts";
import { loadKernels } from "./setting.ts";
import { digits3, formatTable, microseconds } from "./table.ts";

const wanted = process.argv.slice(2);
const names = [...new Set(CASES.map(({ kernel }) => kernel))];
const unknown = wanted.filter((name) => !names.includes(name));
if (wanted.length === 0 || unknown.length > 0) {
  if (unknown.length > 0)
    console.error(`the kernel: expected one of those below, found ${unknown.join(", ")}\n`);
  console.log(
    `npm run kernel NAME compares a kernel with its float64 twin and times it:\n\n  ${names.join("\n  ")}`,
  );
  process.exit(unknown.length > 0 ? 2 : 0);
}

tuneEngine();
const setting = await loadKernels();
const memory = openMemory(setting);
const rows: string[][] = [];
for (const one of CASES.filter(({ kernel }) => wanted.includes(kernel))) {
  const { time, results } = await measureCase(memory, one, {
    ...setting,
    budget: { time: 400, warmup: 150 },
  });
  const speed = (seconds: number): string => digits3((time.flops ?? time.bytes) / seconds / 1e9);
  const worst = results.map(({ name, worst }) => {
    const { error, tolerance } = worst();
    return `${name} ${error.toExponential(1)} of ${tolerance.toExponential(1)}`;
  });
  rows.push([
    one.kernel,
    one.what,
    worst.join(", "),
    microseconds(time.median),
    microseconds(time.min),
    speed(time.median),
    speed(time.min),
    time.flops ? "GFLOP/s" : "GB/s",
  ]);
}
console.log(
  formatTable({
    title: `${wanted.join(", ")}: ${setting.arithmetic}, tile ${setting.tile}, one thread`,
    note: "The error is that of the element nearest to its bound.",
    columns: ["kernel", "", "", "median µs", "min µs", "median", "best", ""],
    rows,
  }),
);
