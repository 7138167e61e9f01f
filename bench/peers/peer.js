// What the programs in JavaScript share: MNIST's images, batches in a new order each epoch, and the line of JSON that
// run.ts reads. Plain JavaScript, so that Node 20 runs it.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";

export const INPUT = 784;
export const HIDDEN = 400;
export const LATENT = 2;
export const BATCH = 128;
export const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** The program's arguments; `directory` holds MNIST's IDX files, gzipped or not. */
export function readArguments(extra = {}) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      epochs: { type: "string", default: "2" },
      steps: { type: "string", default: "0" },
      dense: { type: "boolean", default: false },
      ...extra,
    },
  });
  if (positionals.length !== 1) throw new Error("expected the directory of MNIST's files");
  return { ...values, epochs: Number(values.epochs), steps: Number(values.steps), directory: positionals[0] };
}

/** The training images as bytes, [count, 784]; `dense` gives noise of the same size, none of it zero. */
export function readImages(directory, dense) {
  const name = readdirSync(directory).find((file) => file.startsWith("train-images"));
  if (!name) throw new Error(`expected train-images in ${directory}`);
  const file = readFileSync(join(directory, name));
  const images = Uint8Array.from((name.endsWith(".gz") ? gunzipSync(file) : file).subarray(16));
  if (dense) for (let i = 0; i < images.length; i++) images[i] = 1 + Math.floor(255 * Math.random());
  return { images, count: images.length / INPUT };
}

/** The images as float32 in [0, 1]. */
export function toFloats(images) {
  return Float32Array.from(images, (value) => value / 255);
}

/** Row numbers in random order. */
export function shuffled(count) {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Rows for the layers of U(−1/√k, 1/√k), as torch.nn.Linear draws them. */
export function initial(k, count) {
  const bound = 1 / Math.sqrt(k);
  return Float32Array.from({ length: count }, () => bound * (2 * Math.random() - 1));
}

/** Standard normals. */
export function normals(count) {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    out[i] = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  }
  return out;
}

/**
 * Runs epochs of `step(rows)`, which trains on the rows and gives the loss summed over them (or a promise of it). With
 * `steps`, only the first so many steps of an epoch are run and its seconds are extrapolated; a tenth as many come
 * before as a warm-up.
 */
export async function runEpochs({ epochs, steps }, count, step) {
  const all = Math.ceil(count / BATCH);
  const most = steps > 0 ? Math.min(steps, all) : all;
  const results = [];
  const run = async (order, from, to) => {
    let total = 0;
    for (let i = from; i < to; i++) total += await step(order.subarray(i * BATCH, (i + 1) * BATCH));
    return total;
  };
  if (most < all) await run(shuffled(count), 0, Math.max(2, Math.floor(most / 10)));
  for (let epoch = 0; epoch < epochs; epoch++) {
    const start = performance.now();
    const total = await run(shuffled(count), 0, most);
    const seconds = (performance.now() - start) / 1000;
    results.push({ seconds: (seconds * all) / most, loss: total / Math.min(count, most * BATCH) });
  }
  return { epochs: results, ...(most < all && { steps: most }) };
}

/** The one line that run.ts reads. */
export function report(program, version, threads, results) {
  console.log(JSON.stringify({ program, version, threads, ...results }));
}
