import { ADAM_DEFAULTS, type AdamSettings } from "../reference/adam.ts";

/**
 * The six coefficients that the kernels take for step t, from 1: β1, 1 − β1, β2, 1 − β2, and the two of
 * w − rate·m/(√v + epsilon), which is Adam's update with both bias corrections drawn out of the fraction.
 */
export function adamCoefficients(
  step: number,
  { lr, beta1, beta2, eps }: AdamSettings = ADAM_DEFAULTS,
): Float32Array {
  const correction = Math.sqrt(1 - beta2 ** step);
  const rate = (lr * correction) / (1 - beta1 ** step);
  return Float32Array.of(beta1, 1 - beta1, beta2, 1 - beta2, rate, eps * correction);
}
