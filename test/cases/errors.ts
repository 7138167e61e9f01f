/**
 * The greatest errors of the kernels' elementary functions, a little above what test/wasm/accuracy.test.ts measures over dense
 * grids (the comments say where); the other tests build their bounds on them. u = 2⁻²⁴ ≈ 5.96e-8 is half a unit in the
 * last place.
 */
export const GREATEST_ERROR = {
  /** Relative, of exp(x) for −87 ≤ x ≤ 88.7: at −60.6. */
  exp: 8.3e-8,
  /** Absolute, of exp(x) for x < −87, where results are subnormal: one of their steps. */
  expSubnormal: 1.5e-45,
  /** Relative, of σ(x) for |x| ≤ 87: at −3.3. */
  sigmoid: 2e-7,
  /** Absolute, of σ(x) for x < −87, where it stays at σ(−87). */
  sigmoidFarLeft: 1.7e-38,
  /** Relative, of silu(x) = x·σ(x) for |x| ≤ 87: at −13.8. */
  silu: 2.2e-7,
  /** Absolute, of silu(x) and silu′(x) for x < −87, where they stay as they are at −87. */
  siluFarLeft: 1.5e-36,
  /** Absolute, of silu′(x) for x ≥ −3: at 1.83; relative for −87 ≤ x ≤ −3: at −4.5. */
  siluSlope: 2.2e-7,
  siluSlopeLeft: 3.2e-7,
  /** Absolute and relative, of tanh(x) for any x: at 0.628, where the polynomial ends. */
  tanh: 8e-8,
  tanhRelative: 1.45e-7,
  /** Absolute, of log(1 + exp(−|s|)), the Bernoulli loss's curved part: at −0.43. */
  softplus: 9e-8,
  /** Absolute, of a standard normal; the farthest is ±5.77, whose last place is 4.8e-7: at 4.02. */
  normal: 4.5e-7,
} as const;
