import {
  columnSums,
  matmulBackwardInput,
  matmulBackwardWeight,
  matmulForward,
  type Numbers,
} from "./matmul.ts";

/**
 * How far a correct float32 matrix product may be from the exact one.
 *
 * A sum of k products, in any order, with or without fused multiply-add, satisfies
 *
 *   |computed − exact| ≤ γ_k · Σ|a_i||b_i|,   γ_k = k·u / (1 − k·u),   u = 2⁻²⁴
 *
 * (N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1, eq. 3.5). A bias is one more
 * term of the sum. The bound knows nothing of underflow, so each term is granted one smallest subnormal on top.
 * The bound is per element, from the operands themselves: a wrong or missing term shows wherever it is larger than
 * rounding could explain. Operands must be float32 values, as the kernel sees them.
 */

/** Half the distance from 1 to the next float32: the greatest relative error of one rounding. */
export const UNIT_ROUNDOFF = 2 ** -24;

/** The smallest positive float32. */
const SMALLEST = 2 ** -149;

/** γ_k: the greatest relative growth of k roundings in a row. */
export function gamma(k: number): number {
  const ku = k * UNIT_ROUNDOFF;
  if (ku >= 1) throw new RangeError(`a float32 sum of ${k} terms has no error bound`);
  return ku / (1 - ku);
}

/** One bound for a whole product of inner length k, from the largest magnitudes of its operands. */
export function gemmTolerance(k: number, maxAbsA: number, maxAbsB: number, maxAbsBias = 0): number {
  return gamma(k + 1) * (k * maxAbsA * maxAbsB + maxAbsBias) + (k + 1) * SMALLEST;
}

function magnitudes(a: Numbers): Float64Array {
  // a loop, as `from` with a function is ten times slower
  const sizes = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) sizes[i] = Math.abs(a[i]);
  return sizes;
}

function bounds(absoluteSums: Float64Array, terms: number): Float64Array {
  const growth = gamma(terms);
  return absoluteSums.map((sum) => growth * sum + terms * SMALLEST);
}

/** Bound of each element of `matmulForward`, [batch, n]. */
export function matmulForwardTolerance(
  x: Numbers,
  w: Numbers,
  b: Numbers | undefined,
  batch: number,
  k: number,
  n: number,
): Float64Array {
  return bounds(matmulForward(magnitudes(x), magnitudes(w), b && magnitudes(b), batch, k, n), k + 1);
}

/** Bound of each element of `matmulBackwardInput`, [batch, k]. */
export function matmulBackwardInputTolerance(
  dy: Numbers,
  w: Numbers,
  batch: number,
  k: number,
  n: number,
): Float64Array {
  return bounds(matmulBackwardInput(magnitudes(dy), magnitudes(w), batch, k, n), n + 1);
}

/** Bound of each element of `matmulBackwardWeight`, [k, n]. */
export function matmulBackwardWeightTolerance(
  x: Numbers,
  dy: Numbers,
  batch: number,
  k: number,
  n: number,
): Float64Array {
  return bounds(matmulBackwardWeight(magnitudes(x), magnitudes(dy), batch, k, n), batch + 1);
}

/** Bound of each element of `columnSums`, [n]. */
export function columnSumsTolerance(dy: Numbers, batch: number, n: number): Float64Array {
  return bounds(columnSums(magnitudes(dy), batch, n), batch + 1);
}
