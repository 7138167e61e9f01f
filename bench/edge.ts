// What a model costs where it is embedded: on one thread, on the kernels that every engine runs (plain SIMD), with the
// default model. `node bench/edge.ts`

import { readFile } from "node:fs/promises";
import { drawDigits } from "../src/data/digits.ts";
import { parseModel, serializeModel, Vae } from "../src/edge.ts";
import { thisMachine } from "./machine.ts";
import { type Budget, measure } from "./measure.ts";
import { SHAPE } from "./setting.ts";
import { digits3, formatTable, microseconds } from "./table.ts";

const BUDGET: Budget = { time: 1500, warmup: 500 };
const SAMPLES = 64;

const { inputDim, hidden, latentDim } = SHAPE;
const bytes = await readFile(new URL("../build/kernels.wasm", import.meta.url));
const kernels = new WebAssembly.Module(bytes);
const file = serializeModel(Vae.fromModule({ inputDim, hidden: [hidden], latentDim }, kernels));

function start(): Vae {
  const { config, tensors } = parseModel(file);
  return Vae.fromModule(config, kernels, { tensors });
}

const vae = start();
const digits = drawDigits(0, 0, SAMPLES).values;
const one = digits.slice(0, inputDim);
const floats = Float32Array.from(one, (value) => value / 255);
const z = vae.prior(SAMPLES, { seed: 1 });

/** What one alone gives must be what it gives among others. */
function expectSame(what: string, alone: Float32Array, among: Float32Array): void {
  const differs = alone.findIndex((value, i) => value !== among[i] || !Number.isFinite(value));
  if (alone.length === 0 || differs >= 0)
    throw new Error(`${what}: number ${differs} is not the same among others`);
}
expectSame("encode", vae.encode(one).mu, vae.encode(digits).mu);
expectSame("encode, floats", vae.encode(floats).mu, vae.encode(one).mu);
expectSame("decode", vae.decode(z.slice(0, latentDim)), vae.decode(z));

const WORK: readonly (readonly [name: string, bar: number | undefined, run: () => void])[] = [
  ["encode 1 image, bytes", 60e-6, () => vae.encode(one)],
  ["encode 1 image, floats", 60e-6, () => vae.encode(floats)],
  ["decode 1 latent row", undefined, () => vae.decode(z.subarray(0, latentDim))],
  [`decode ${SAMPLES} latent rows`, 2.5e-3, () => vae.decode(z)],
  [`sample ${SAMPLES} images`, 2.5e-3, () => vae.sample(SAMPLES, { seed: 1 })],
  [`score ${SAMPLES} images`, undefined, () => vae.score(digits)],
  ["start from a model file", undefined, start],
];

const rows: string[][] = [];
for (const [name, bar, run] of WORK) {
  const { median, min } = await measure(run, BUDGET);
  rows.push([name, microseconds(median), microseconds(min), bar === undefined ? "" : digits3(bar * 1e6)]);
}
const { processor, node, v8, commit, date } = thisMachine();
const note = `${inputDim}-${hidden}-${latentDim}, plain SIMD, one thread. ${processor}, Node ${node} (V8 ${v8}), ${commit}, ${date}.`;
console.log(formatTable({ title: "Embedded", note, columns: ["", "median µs", "least µs", "bar µs"], rows }));
