/**
 * What a random number is for: the last word of the Philox counter, so that no two uses ever draw the same word.
 * The kernels and other programs that replay a run rely on these numbers: add to them, never change one.
 */
export const PURPOSE = {
  /** Initial weights. */
  init: 0,
  /** ε of the reparameterisation while training. */
  noise: 1,
  /** The order of rows in an epoch. */
  order: 2,
  /** ε while evaluating. */
  evaluation: 3,
  /** z drawn from the prior. */
  sample: 4,
  /** The embedded digits. */
  digits: 5,
} as const;

export type Purpose = (typeof PURPOSE)[keyof typeof PURPOSE];
