import type { Numbers } from "./matmul.ts";

export interface AdamSettings {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
}

/** What `torch.optim.Adam` takes where nothing is said. */
export const ADAM_DEFAULTS: AdamSettings = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 };

/**
 * One step of Adam in float64, in place on param, m and v, which all have grad's length. `step` counts from 1.
 * As torch.optim.Adam: both moments are corrected for their start at 0, and eps is added outside the root.
 * Kingma & Ba 2014, algorithm 1.
 */
export function adamStep(
  param: Float64Array,
  m: Float64Array,
  v: Float64Array,
  grad: Numbers,
  step: number,
  { lr, beta1, beta2, eps }: AdamSettings = ADAM_DEFAULTS,
): void {
  for (let i = 0; i < param.length; i++) {
    m[i] = beta1 * m[i] + (1 - beta1) * grad[i];
    v[i] = beta2 * v[i] + (1 - beta2) * grad[i] * grad[i];
    const mCorrected = m[i] / (1 - beta1 ** step);
    const vCorrected = v[i] / (1 - beta2 ** step);
    param[i] -= (lr * mCorrected) / (Math.sqrt(vCorrected) + eps);
  }
}
