// Small models against checksums, before anything is built on the kernels: together the models use every kernel. Another
// checksum shows an engine that miscompiles, or a module of other code.

import { Arena, allocateShared, growTo } from "../wasm/arena.ts";
import { type Instance, instantiate, mismatch } from "../wasm/instance.ts";
import { Kernels } from "../wasm/kernels.ts";
import { GRADIENT_BYTES, ROW_BYTES } from "../wasm/layout.ts";
import type { Checked } from "../wasm/load.ts";
import type { TileName } from "../wasm/tiles.ts";
import type { Activation } from "./activations.ts";
import { checkConfig } from "./config.ts";
import type { Likelihood } from "./likelihoods.ts";
import { Network } from "./network.ts";
import { planNetwork } from "./network-memory.ts";
import { initialize, parameterTable } from "./parameters.ts";

/**
 * A model for each activation, each likelihood, bytes and floats, and its checksums: with multiply-adds that round twice, and
 * with the fused ones of a relaxed build where the processor has them. `node scripts/self-check.ts` computes them.
 */
export const MODELS: readonly (readonly [Activation, Likelihood, 1 | 4, readonly number[]])[] = [
  ["relu", "bernoulli", 1, [-212447144, 1024805224]],
  ["tanh", "gaussian", 4, [-1428332497, -510895949]],
  ["silu", "bernoulli", 4, [-1675826995, -2001554934]],
];

/** A block of the batch, which is no multiple of a tile. */
const ROWS = 16;
const ALL = [0, ROWS] as const;
/** What is evaluated after the step: the losses of the other rows stay those of training. */
const SECOND_HALF = [ROWS / 2, ROWS] as const;
/** Panels in fives and one more; a part of a block of weights, and six blocks and one row more. */
const SIZES = { inputDim: 10, hidden: [96], latentDim: 3 };
const VALUES = ROWS * SIZES.inputDim;
const USE = { capacity: ROWS, training: true, sparse: true, listHidden: true };
const DRAWS = { key: [1, 2], purpose: 3, step: 4, row: 5 } as const;
/** Enough for any of the models. */
const MEMORY_BYTES = 2 ** 19;

/** Optimising compilers begin with what has run for a while, so 256-bit code is run so often … */
const REPEATS = 12;
/** … and they take their time, so with these pauses, in which others have their turn. */
const PAUSE_MS = 2;

/** What is checked of an instance. */
export type Checkable = Pick<Instance, "exports" | "memory">;

/** The first of the small models that an instance computes wrongly, if there is one. */
export function wrongModel(instance: Checkable, tile: TileName): string | undefined {
  return MODELS.find((model) => !model[3].includes(checksum(instance, tile, model)))?.[0];
}

/** A checksum of all memory after a step of training and an evaluation; NaN where a kernel traps or is none. */
export function checksum(
  { exports, memory }: Checkable,
  tile: TileName,
  [activation, likelihood, bytesPerValue]: (typeof MODELS)[number],
): number {
  const config = checkConfig({ ...SIZES, activation, likelihood });
  const table = parameterTable(config);
  const arena = new Arena();
  const room = (bytes: number): number => arena.region("", bytes).at;
  const w = room(4 * table.bytes);
  const m = w + table.bytes;
  const v = m + table.bytes;
  const gradient = v + table.bytes;
  const at = planNetwork(arena, config, USE);
  const [data, indices] = [room(VALUES * 4), room(VALUES * 4)];
  const update = { gradient: room(GRADIENT_BYTES), adam: room(ROW_BYTES) };
  growTo(memory, arena);
  const floats = new Float32Array(memory.buffer);
  const words = new Int32Array(memory.buffer);
  words.fill(0, w / 4, arena.end / 4);
  for (let i = 0; i < VALUES; i++) {
    floats[data / 4 + i] = (1 + (((i * i) % 17) % 4)) / 4; // most of a quarter's bytes are zero
    words[indices / 4 + i] = (i * 7) % ROWS;
  }
  floats.fill(0.25, m / 4, gradient / 4);
  floats.fill(0.5, update.adam / 4, update.adam / 4 + 6);
  try {
    const kernels = new Kernels(exports, tile);
    const network = new Network(kernels, config, at, { w, m, v }, memory.buffer);
    initialize(kernels, table, w, 0);
    network.gather(ALL, { at: data, bytesPerValue }, indices);
    network.encode(ALL);
    network.differentiate(ALL, DRAWS);
    network.gradient(gradient, ROWS);
    network.update(network.shares(0, 1), ROWS, update);
    network.encode(ALL);
    network.evaluate(SECOND_HALF, DRAWS);
    network.mean(ALL);
    return mix(words.subarray(w / 4, data / 4));
  } catch {
    return Number.NaN;
  }
}

/** A checksum; words come in pairs, because a region has whole cache lines. */
function mix(words: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < words.length; i += 2) {
    sum = Math.imul(sum ^ words[i]!, 0x85ebca6b) ^ words[i + 1]!;
    sum ^= sum >>> 13;
  }
  return sum;
}

/** The first of the small models that this engine computes wrongly with a module, if there is one. */
export async function findWrong(
  module: WebAssembly.Module,
  { shared, tile, width }: Checked,
): Promise<string | undefined> {
  const arena = new Arena();
  arena.region("", MEMORY_BYTES);
  const instance = instantiate(module, shared ? allocateShared(arena) : undefined);
  for (let i = 1; ; i++) {
    const wrong = wrongModel(instance, tile);
    if (wrong !== undefined || width !== 256 || i === REPEATS) return wrong;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** Modules that passed, each with the tile with which it passed last. */
const passed = new WeakMap<WebAssembly.Module, TileName>();

/**
 * Checks a module that the caller handed in, at once and once.
 *
 * @throws {KernelError} when a small model is computed wrongly
 */
export function expectRight(module: WebAssembly.Module, tile: TileName): void {
  if (passed.get(module) === tile) return;
  const wrong = wrongModel(instantiate(module), tile);
  if (wrong) throw mismatch("this version's kernels", `other results (${wrong})`);
  passed.set(module, tile);
}
