// Adam (Kingma & Ba 2015, algorithm 1), elementwise, in the order and with the roundings of torch.optim.Adam:
//
//   m ← β1·m + (1 − β1)·g
//   v ← β2·v + (1 − β2)·g²
//   w ← w − lr/(1 − β1ᵗ) · m / (√v/√(1 − β2ᵗ) + ε)
//
// Both bias corrections fold into two scalars of the step: with c = √(1 − β2ᵗ), rate = lr·c/(1 − β1ᵗ) and epsilon = ε·c
// the last line is w − rate·m/(√v + epsilon).

import { madd, ROW } from "./simd";

/** The step's coefficients, six float32: β1, 1 − β1, β2, 1 − β2, rate, epsilon. */
const BETA1: usize = 0;
const ONE_MINUS_BETA1: usize = 4;
const BETA2: usize = 8;
const ONE_MINUS_BETA2: usize = 12;
const RATE: usize = 16;
const EPSILON: usize = 20;

/**
 * Adding and subtracting this flushes smaller moments to zero, because arithmetic on denormal numbers is many times
 * slower: x + t − t is x for all |x| > 2²⁴·t, and the error is far below ε = 1e-8.
 */
const FADE: f32 = 8.077935669463161e-28; // 2⁻⁹⁰

// @ts-ignore: decorator
@inline
function fade(x: v128, t: v128): v128 {
  return f32x4.sub(f32x4.add(x, t), t);
}

/** Updates `rows` rows of 16 parameters with their gradient g. */
export function adamRows(w: usize, m: usize, v: usize, g: usize, rows: i32, adam: usize): void {
  const beta1 = v128.load32_splat(adam, BETA1);
  const oneMinusBeta1 = v128.load32_splat(adam, ONE_MINUS_BETA1);
  const beta2 = v128.load32_splat(adam, BETA2);
  const oneMinusBeta2 = v128.load32_splat(adam, ONE_MINUS_BETA2);
  const rate = v128.load32_splat(adam, RATE);
  const epsilon = v128.load32_splat(adam, EPSILON);
  const t = f32x4.splat(FADE);
  let halves = rows * 2;
  do {
    const g0 = v128.load(g), g1 = v128.load(g, 16);
    const m0 = fade(madd(beta1, v128.load(m), f32x4.mul(oneMinusBeta1, g0)), t);
    const m1 = fade(madd(beta1, v128.load(m, 16), f32x4.mul(oneMinusBeta1, g1)), t);
    const v0 = fade(madd(beta2, v128.load(v), f32x4.mul(oneMinusBeta2, f32x4.mul(g0, g0))), t);
    const v1 = fade(madd(beta2, v128.load(v, 16), f32x4.mul(oneMinusBeta2, f32x4.mul(g1, g1))), t);
    const d0 = f32x4.div(f32x4.mul(rate, m0), f32x4.add(f32x4.sqrt(v0), epsilon));
    const d1 = f32x4.div(f32x4.mul(rate, m1), f32x4.add(f32x4.sqrt(v1), epsilon));
    const w0 = f32x4.sub(v128.load(w), d0);
    const w1 = f32x4.sub(v128.load(w, 16), d1);
    v128.store(m, m1, 16);
    v128.store(m, m0);
    v128.store(v, v1, 16);
    v128.store(v, v0);
    v128.store(w, w1, 16);
    v128.store(w, w0);
    g += ROW / 2;
    m += ROW / 2;
    v += ROW / 2;
    w += ROW / 2;
  } while (--halves);
}
