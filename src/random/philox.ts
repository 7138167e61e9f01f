import { ConfigError } from "../errors.ts";

/**
 * Philox 4x32-10: a counter-based random number generator (Salmon, Moraes, Dror and Shaw, "Parallel random numbers:
 * as easy as 1, 2, 3", SC 2011, section 4.3 and table 2). It maps a 128-bit counter and a 64-bit key to four words, so
 * every random number of a run depends on its position only: counter = (column block, row, step, purpose), key = seed.
 */
const ROUNDS = 10;
/** Multipliers of the 4x32 round function. */
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
/** Increments of the key per round: the golden ratio and √3 − 1, in 32 bits. */
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/**
 * The upper 32 bits of the 64-bit product of two words. Each half-product is below 2⁴⁹, so float64 has it exactly.
 * @param a a word in [0, 2³²)
 * @param b a word in [0, 2³²)
 */
export function multiplyHigh(a: number, b: number): number {
  const lower = Math.floor((a * (b & 0xffff)) / 0x10000);
  return Math.floor((a * (b >>> 16) + lower) / 0x10000);
}

/** A 128-bit counter: the column block (column j is word j % 4 of block ⌊j / 4⌋), row, step or epoch, purpose. */
export type Counter = readonly [block: number, row: number, step: number, purpose: number];

/**
 * Computes the Philox block of a counter.
 * @param key the two words of the seed (see `seedKey`)
 * @param out four words
 */
export function philox(counter: Counter, key: readonly [low: number, high: number], out: Uint32Array): void {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(c0, MULTIPLIER_0);
    const high1 = multiplyHigh(c2, MULTIPLIER_1);
    const low0 = Math.imul(c0, MULTIPLIER_0);
    const low1 = Math.imul(c2, MULTIPLIER_1);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/**
 * The two key words of a seed: seed mod 2³² and ⌊seed / 2³²⌋.
 * @throws {ConfigError} when the seed is not an integer from 0 to 2⁵³ − 1
 */
export function seedKey(seed: number): readonly [low: number, high: number] {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    const expected = `a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`;
    throw new ConfigError({ setting: "seed", expected, found: String(seed) });
  }
  return [seed % 0x1_0000_0000, Math.floor(seed / 0x1_0000_0000)];
}
