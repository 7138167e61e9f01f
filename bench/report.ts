// Makes bench/RESULTS.md and its plots from what run.ts and peers/run.ts have written.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { breakEvenTable } from "./break-even.ts";
import { kernelsTable } from "./kernels.ts";
import type { Machine } from "./machine.ts";
import { type PeerResults, peersTable, versionsTable } from "./peer-results.ts";
import { glanceTable } from "./report/glance.ts";
import { peersPlot } from "./report/peers-plot.ts";
import { scalingPlot } from "./report/scaling-plot.ts";
import type { BenchResults } from "./results.ts";
import { scalingTable } from "./scaling.ts";
import { stepTable } from "./step-table.ts";
import { sweepTable } from "./sweep.ts";
import { digits3, markdownTable, type Table } from "./table.ts";
import { tilesTable } from "./tiles.ts";

const { values: options } = parseArgs({
  options: {
    bench: { type: "string", default: "bench/build/bench.json" },
    peers: { type: "string", default: "bench/build/peers.json" },
    out: { type: "string", default: "bench" },
  },
});

function read<T>(file: string): T | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as T) : undefined;
}

function machineLines({ processor, cores, memoryGiB, system, node, v8, commit, date }: Machine): string[] {
  return [
    `- ${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}`,
    `- Node ${node}, V8 ${v8}; commit ${commit}; ${date}`,
  ];
}

function section(table: Table, level = "###"): string[] {
  const note = table.note ? [table.note, ""] : [];
  return [`${level} ${table.title}`, "", ...note, markdownTable(table), ""];
}

function peerSections(peers: PeerResults): string[] {
  const skipped = peers.skipped.map(({ name, why }) => `Not measured: ${name} (${why}).`);
  return [
    "## Other programs",
    "",
    "`npm ci --prefix bench/peers`, then `npm run bench:peers -- --data-dir DIR` (`--help` tells more; add `--node PATH`",
    "for each older Node). Each program runs by itself, one after another, round after round; the first epoch of each run",
    "warms it up. *Of PyTorch* is the time against fast PyTorch on the same data and as many threads; *Elbow takes* is",
    "Elbow's time against the program's, with all workers, or with as many as fast PyTorch has threads.",
    "",
    ...machineLines(peers.machine),
    `- load of the machine before: ${digits3(peers.load)}`,
    "",
    "![Seconds for an epoch of MNIST in each program](peers.svg)",
    "",
    ...section(peersTable(peers)),
    ...section(versionsTable(peers)),
    ...skipped,
  ];
}

function benchTables(bench: BenchResults): Table[] {
  const { tiles, kernels, breakEven, step, scaling, sweep, machine, peak } = bench;
  return [
    ...(scaling ? [scalingTable(scaling)] : []),
    ...(step ?? []).map(stepTable),
    ...(kernels ? [kernelsTable(kernels, peak)] : []),
    ...(breakEven ? [breakEvenTable(breakEven)] : []),
    ...(tiles ? [tilesTable(tiles, peak)] : []),
    ...(sweep ? [sweepTable(sweep, peak.flops, machine.cores)] : []),
  ];
}

function benchSections(bench: BenchResults): string[] {
  const { machine, peak, arithmetic, tile, revectorized, quick } = bench;
  const perLane = arithmetic === "relaxed" ? 2 : 1;
  return [
    "## Elbow by itself",
    "",
    "`npm run bench -- --data-dir DIR` (`--help` tells more). A kernel that does not agree with its float64 twin stops the",
    "benchmark. Medians, after a warm-up.",
    "",
    ...machineLines(machine),
    `- kernels \`${arithmetic}\`, tile ${tile}, revectorizer ${revectorized ? "on" : "off"}${quick ? "; a quick, rough run" : ""}`,
    `- peak of a core: ${digits3(peak.hertz / 1e9)} GHz × 2 multiply-add units × ${peak.lanes} lanes × ${perLane} = ` +
      `${digits3(peak.flops / 1e9)} GFLOP/s; the clock is measured by a chain of dependent integer operations of one ` +
      "cycle, the two units are an assumption",
    "",
    ...(bench.scaling ? ["![Speed against one worker](scaling.svg)", ""] : []),
    ...benchTables(bench).flatMap((table) => section(table)),
  ];
}

const bench = read<BenchResults>(options.bench);
const peers = read<PeerResults>(options.peers);
if (!bench && !peers) {
  console.error(
    `expected ${options.bench} or ${options.peers}; npm run bench and npm run bench:peers make them`,
  );
  process.exit(1);
}
const page = [
  "# Measured",
  "",
  "Made by `node bench/report.ts` from what the two benchmarks write.",
  "",
  ...section(glanceTable(bench, peers), "##"),
  ...(peers ? peerSections(peers) : []),
  ...(bench ? benchSections(bench) : []),
];
const written = [`${options.out}/RESULTS.md`];
writeFileSync(`${options.out}/RESULTS.md`, `${page.join("\n").trimEnd()}\n`);
if (peers) {
  writeFileSync(`${options.out}/peers.svg`, peersPlot(peers));
  written.push(`${options.out}/peers.svg`);
}
if (bench?.scaling) {
  writeFileSync(`${options.out}/scaling.svg`, scalingPlot(bench.scaling));
  written.push(`${options.out}/scaling.svg`);
}
console.log(`wrote ${written.join(", ")}`);
