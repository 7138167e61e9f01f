import { sigmoid } from "./activation.ts";
import type { Numbers } from "./matmul.ts";

/**
 * −log p(x|z) in float64, in nats: summed over the dim columns, one number per row. x, logits and mean are
 * [rows, dim], row-major. The gradients are of the sum over all rows, each times its weight ([rows], or one for all).
 */

/** The weight of the row of element i of `values`. */
export function weightOf(i: number, values: Numbers, weights: Numbers): number {
  return weights[Math.floor((i * weights.length) / values.length)];
}

function rowSums(rows: number, dim: number, term: (index: number) => number): Float64Array {
  const sums = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < dim; col++) sums[row] += term(row * dim + col);
  }
  return sums;
}

/**
 * Binary cross-entropy of x against σ(logits), [rows]. −x·log σ(l) − (1 − x)·log(1 − σ(l)) rearranged so that no
 * logit overflows and none gives log 0: max(l, 0) − l·x + log(1 + exp(−|l|)).
 */
export function bernoulliForward(logits: Numbers, x: Numbers, rows: number, dim: number): Float64Array {
  return rowSums(rows, dim, (i) => {
    const logit = logits[i];
    return Math.max(logit, 0) - logit * x[i] + Math.log1p(Math.exp(-Math.abs(logit)));
  });
}

/** dlogits = w·(σ(logits) − x), [rows, dim]. */
export function bernoulliBackward(logits: Numbers, x: Numbers, weights: Numbers = [1]): Float64Array {
  return Float64Array.from(logits, (logit, i) => weightOf(i, logits, weights) * (sigmoid(logit) - x[i]));
}

/** ½‖x − mean‖², [rows]: unit variance, without its constant. */
export function gaussianForward(mean: Numbers, x: Numbers, rows: number, dim: number): Float64Array {
  return rowSums(rows, dim, (i) => 0.5 * (x[i] - mean[i]) ** 2);
}

/** dmean = w·(mean − x), [rows, dim]. */
export function gaussianBackward(mean: Numbers, x: Numbers, weights: Numbers = [1]): Float64Array {
  return Float64Array.from(mean, (value, i) => weightOf(i, mean, weights) * (value - x[i]));
}

/** What `gaussianForward` leaves out of each row's −log p: ½·dim·log 2π nats. */
export function gaussianConstant(dim: number): number {
  return 0.5 * dim * Math.log(2 * Math.PI);
}
