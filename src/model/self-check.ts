// A small model against a checksum, before a model is built on the kernels: it uses every kernel that the other will use.
// Another checksum shows an engine that miscompiles, or a module of other code.

import { Arena, growTo } from "../wasm/arena.ts";
import { instantiate, mismatch } from "../wasm/instance.ts";
import { Kernels } from "../wasm/kernels.ts";
import { GRADIENT_BYTES, ROW_BYTES } from "../wasm/layout.ts";
import type { Checkable } from "../wasm/platform.ts";
import type { TileName } from "../wasm/tiles.ts";
import { checkConfig, type VaeConfig } from "./config.ts";
import { Network } from "./network.ts";
import { planNetwork } from "./network-memory.ts";
import { initialize, parameterTable } from "./parameters.ts";

/** What decides which kernels a model uses. */
export type Uses = Pick<VaeConfig, "activation" | "likelihood">;

/**
 * The checksums of a small model of each activation and each likelihood, with multiply-adds that round twice and with the fused
 * ones of a relaxed build where the processor has them: `node scripts/self-check.ts` prints them.
 */
export const CHECKSUMS: readonly number[] = [
  712122, 308906, 54099, 730161, 211205, 349444, 850348, 295425, 894525, 706360, 472099, 347987,
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
const DRAWS = { key: [0, 0], purpose: 0, step: 0, row: 0 } as const;

/** Whether an instance computes the small model of what a model uses as it should. */
export function isRight(instance: Checkable, tile: TileName, uses: Uses): boolean {
  return CHECKSUMS.includes(checksum(instance, tile, uses));
}

/** A checksum of all memory after a step of training and an evaluation; NaN where a kernel traps or is none. */
export function checksum(
  { exports, memory }: Checkable,
  tile: TileName,
  { activation, likelihood }: Uses,
): number {
  const config = checkConfig({ ...SIZES, activation, likelihood });
  const table = parameterTable(config);
  const arena = new Arena();
  const room = (bytes: number): number => arena.region("", bytes).at;
  const w = room(4 * table.bytes + ROW_BYTES);
  const m = w + table.bytes;
  const v = m + table.bytes;
  const adam = v + table.bytes;
  const gradient = adam + ROW_BYTES;
  const at = planNetwork(arena, config, USE);
  const data = room(VALUES * 8);
  const indices = data + VALUES * 4;
  const update = { gradient: room(GRADIENT_BYTES), adam };
  growTo(memory, arena);
  const floats = new Float32Array(memory.buffer);
  const words = new Int32Array(memory.buffer);
  words.fill(0, w / 4, arena.end / 4);
  for (let i = 0; i < VALUES; i++) {
    floats[data / 4 + i] = (1 + (((i * i) % 17) % 4)) / 4; // dense as floats; most bytes of a quarter are zero
    words[indices / 4 + i] = (i * 7) % ROWS;
  }
  floats.fill(0.25, m / 4, gradient / 4);
  try {
    const kernels = new Kernels(exports, tile);
    const network = new Network(kernels, config, at, { w, m, v }, memory.buffer);
    initialize(kernels, table, w, 0);
    network.gather(ALL, { at: data, bytesPerValue: 1 }, indices);
    network.encode(ALL);
    network.differentiate(ALL, DRAWS);
    network.gradient(gradient, ROWS);
    network.update(network.shares(0, 1), ROWS, update);
    network.gather(ALL, { at: data, bytesPerValue: 4 }, indices);
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
    sum = Math.imul(sum ^ words[i]!, 40_503) ^ words[i + 1]!;
    sum ^= sum >>> 15;
  }
  return sum >>> 12;
}

/** Modules that passed, and with what: a tile and a small model. */
const passed = new WeakMap<WebAssembly.Module, string>();

/**
 * Checks a module that the caller handed in, at once and once.
 *
 * @throws {KernelError} when a small model is computed wrongly
 */
export function expectRight(module: WebAssembly.Module, tile: TileName, uses: Uses): void {
  const key = tile + uses.activation + uses.likelihood;
  if (passed.get(module) === key) return;
  if (!isRight(instantiate(module), tile, uses)) throw mismatch("this version's kernels", "others");
  passed.set(module, key);
}
