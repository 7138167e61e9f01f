import { philox, seedKey } from "./philox.ts";
import type { Purpose } from "./purpose.ts";
import { uniform } from "./uniform.ts";

/**
 * Computes two independent standard normals from two words (Box and Muller 1958): √(−2 ln u₁) cos 2πu₂ and
 * √(−2 ln u₁) sin 2πu₂. u₁ is in (0, 1], so the logarithm is finite and no normal is beyond √(48 ln 2) ≈ 5.77.
 */
function boxMuller(word1: number, word2: number, out: Float64Array, at: number): void {
  const u1 = uniform(word1) + 2 ** -24;
  const angle = 2 * Math.PI * uniform(word2);
  const radius = Math.sqrt(-2 * Math.log(u1));
  out[at] = radius * Math.cos(angle);
  out[at + 1] = radius * Math.sin(angle);
}

/**
 * Computes the four normals of a Philox block, in float64; the kernels compute them in float32. Words 0 and 1 give the
 * first pair, words 2 and 3 the second.
 * @param out four numbers
 */
export function normalsOfBlock(words: Uint32Array, out: Float64Array): void {
  boxMuller(words[0]!, words[1]!, out, 0);
  boxMuller(words[2]!, words[3]!, out, 2);
}

/**
 * Computes standard normals of the first `out.length` columns of a row: column j is element j % 4 of block ⌊j / 4⌋.
 * @param step step or epoch
 * @param out [columns]; returned
 */
export function normals(
  seed: number,
  purpose: Purpose,
  step: number,
  row: number,
  out: Float64Array,
): Float64Array {
  const key = seedKey(seed);
  const words = new Uint32Array(4);
  const block = new Float64Array(4);
  for (let column = 0; column < out.length; column++) {
    if (column % 4 === 0) {
      philox([column / 4, row, step, purpose], key, words);
      normalsOfBlock(words, block);
    }
    out[column] = block[column % 4]!;
  }
  return out;
}
