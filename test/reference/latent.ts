import { weightOf } from "./likelihood.ts";
import type { Numbers } from "./matmul.ts";

/**
 * The latent variable in float64. mu, logvar (= log σ²), eps and z are [rows, dim], row-major.
 * Kingma & Welling 2013: the sample is section 2.4, the divergence appendix B.
 */

export interface LatentGradients {
  readonly dmu: Float64Array;
  readonly dlogvar: Float64Array;
}

/** z = μ + exp(½ log σ²) ⊙ ε. */
export function sampleForward(mu: Numbers, logvar: Numbers, eps: Numbers): Float64Array {
  return Float64Array.from(mu, (mean, i) => mean + Math.exp(0.5 * logvar[i]) * eps[i]);
}

/** dμ = dz and dlogvar = dz ⊙ ε ⊙ ½ exp(½ log σ²). */
export function sampleBackward(dz: Numbers, logvar: Numbers, eps: Numbers): LatentGradients {
  return {
    dmu: Float64Array.from(dz),
    dlogvar: Float64Array.from(dz, (delta, i) => delta * eps[i] * 0.5 * Math.exp(0.5 * logvar[i])),
  };
}

/** KL(N(μ, σ²I) ‖ N(0, I)) = −½ Σ (1 + log σ² − μ² − σ²) over the columns, [rows], in nats. */
export function klForward(mu: Numbers, logvar: Numbers, rows: number, dim: number): Float64Array {
  const kl = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < dim; col++) {
      const i = row * dim + col;
      kl[row] -= 0.5 * (1 + logvar[i] - mu[i] * mu[i] - Math.exp(logvar[i]));
    }
  }
  return kl;
}

/** dμ = w·μ and dlogvar = ½ w·(exp(log σ²) − 1), of the sum over all rows, each times its weight ([rows], or one for all). */
export function klBackward(mu: Numbers, logvar: Numbers, weights: Numbers = [1]): LatentGradients {
  return {
    dmu: Float64Array.from(mu, (value, i) => weightOf(i, mu, weights) * value),
    dlogvar: Float64Array.from(logvar, (value, i) => 0.5 * weightOf(i, mu, weights) * (Math.exp(value) - 1)),
  };
}
