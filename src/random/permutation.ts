import { multiplyHigh, philox, seedKey } from "./philox.ts";
import { PURPOSE } from "./purpose.ts";

/**
 * A random permutation of 0 … n − 1, a pure function of (n, seed, epoch): the Fisher–Yates shuffle by Durstenfeld
 * (1964). Position i swaps with ⌊word · (i + 1) / 2³²⌋ for word i % 4 of block ⌊i / 4⌋; the bias of that reduction is
 * below n / 2³².
 * @param epoch counts from 0
 * @param out [n], to reuse memory; returned
 */
export function permutation(
  n: number,
  seed: number,
  epoch: number,
  out: Uint32Array = new Uint32Array(n),
): Uint32Array {
  const key = seedKey(seed);
  const words = new Uint32Array(4);
  for (let i = 0; i < n; i++) out[i] = i;
  let block = -1;
  for (let i = n - 1; i > 0; i--) {
    if (i >>> 2 !== block) {
      block = i >>> 2;
      philox([block, 0, epoch, PURPOSE.order], key, words);
    }
    const other = multiplyHigh(words[i & 3]!, i + 1);
    const value = out[i]!;
    out[i] = out[other]!;
    out[other] = value;
  }
  return out;
}
