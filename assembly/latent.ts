// The latent variables: z = μ + σ⊙ε, and KL(N(μ, σ²) ‖ N(0, I)) with its gradient (Kingma & Welling 2013, section 2.4
// and appendix B).
//
// All are panels (rows, latent) with one stride. Lanes that pad the panels are zero and stay zero: exp(0) is exactly 1.

import { exp4, half, one } from "./math";
import { madd, ROW, sum4, weightOfRow } from "./simd";

/** As a function: these few exponentials need no copy of the code each. */
function exp(x: v128): v128 {
  return exp4(x);
}

/** z = μ + exp(½·logvar)⊙ε */
export function reparameterize(
  z: usize, mu: usize, logvar: usize, eps: usize, stride: usize, rows: i32, panels: i32,
): void {
  for (let panel = 0; panel < panels; panel++) {
    const offset = usize(panel) * stride;
    for (let i = offset, end = offset + usize(rows) * ROW; i < end; i += 16) {
      const std = exp(f32x4.mul(half(), v128.load(logvar + i)));
      v128.store(z + i, madd(std, v128.load(eps + i), v128.load(mu + i)));
    }
  }
}

/** loss = ½·Σ(μ² + exp(logvar) − 1 − logvar), one float64 per row, in nats. */
export function kl(loss: usize, mu: usize, logvar: usize, stride: usize, rows: i32, panels: i32): void {
  for (let r = 0; r < rows; r++) {
    let sum: f64 = 0;
    for (let panel = 0; panel < panels; panel++) {
      const offset = usize(panel) * stride + usize(r) * ROW;
      for (let i = offset, end = offset + ROW; i < end; i += 16) {
        const m = v128.load(mu + i);
        const l = v128.load(logvar + i);
        sum += sum4(madd(m, m, f32x4.sub(f32x4.sub(exp(l), one()), l)));
      }
    }
    store<f64>(loss + usize(r) * sizeof<f64>(), 0.5 * sum);
  }
}

/**
 * Gradient with respect to the encoder's outputs, from dz and the KL term, whose weight is one float32 w per row:
 * dμ = dz + w·μ,  dlogvar = ½·(dz⊙ε⊙exp(½·logvar) + w·(exp(logvar) − 1)).
 */
export function latentBackward(
  dmu: usize, dlogvar: usize, dz: usize, mu: usize, logvar: usize, eps: usize, stride: usize,
  rows: i32, panels: i32, weights: usize,
): void {
  for (let panel = 0; panel < panels; panel++) {
    const offset = usize(panel) * stride;
    for (let i = offset, end = offset + usize(rows) * ROW; i < end; i += 16) {
      const w = weightOfRow(weights, i - offset);
      const d = v128.load(dz + i);
      const l = v128.load(logvar + i);
      const std = exp(f32x4.mul(half(), l));
      const pull = f32x4.mul(w, f32x4.sub(exp(l), one()));
      v128.store(dmu + i, madd(w, v128.load(mu + i), d));
      v128.store(dlogvar + i, f32x4.mul(half(), madd(f32x4.mul(d, v128.load(eps + i)), std, pull)));
    }
  }
}
