/**
 * The use of a random number: the last word of the Philox counter, so that no two uses draw the same word. The kernels
 * and programs that replay a run depend on these numbers: add to them, never change one.
 */
export const PURPOSE = {
  /** Initial weights. */
  init: 0,
  /** ε of the reparameterisation while training. */
  noise: 1,
  /** Order of rows in an epoch. */
  order: 2,
  /** ε while evaluating. */
  evaluation: 3,
  /** z from the prior. */
  sample: 4,
  /** The embedded digits. */
  digits: 5,
} as const;

export type Purpose = (typeof PURPOSE)[keyof typeof PURPOSE];
