import { philox, seedKey } from "./philox.ts";
import type { Purpose } from "./purpose.ts";

const TO_UNIT = 2 ** -24;

/** Maps a word to a uniform in [0, 1): its upper 24 bits, which float32 has exactly. */
export function uniform(word: number): number {
  return (word >>> 8) * TO_UNIT;
}

/**
 * Computes uniforms in [0, 1) of the first `out.length` columns of a row.
 * @param step step or epoch
 * @param out [columns]; returned
 */
export function uniforms(
  seed: number,
  purpose: Purpose,
  step: number,
  row: number,
  out: Float64Array,
): Float64Array {
  const key = seedKey(seed);
  const words = new Uint32Array(4);
  for (let column = 0; column < out.length; column++) {
    if (column % 4 === 0) philox([column / 4, row, step, purpose], key, words);
    out[column] = uniform(words[column % 4]!);
  }
  return out;
}
