import type { Numbers } from "./matmul.ts";

/**
 * Activations in float64, elementwise. The backward twins take the forward's output y, so a kernel need not keep the
 * input, but for SiLU, whose derivative is no function of y.
 */

function map(a: Numbers, f: (value: number, index: number) => number): Float64Array {
  return Float64Array.from(a, f);
}

/** y = max(x, 0); NaN stays NaN. */
export function reluForward(x: Numbers): Float64Array {
  return map(x, (value) => Math.max(value, 0));
}

/** dx = dy where y > 0, else 0. At the kink the derivative is 0, as PyTorch has it. */
export function reluBackward(dy: Numbers, y: Numbers): Float64Array {
  return map(dy, (delta, i) => (y[i] > 0 ? delta : 0));
}

/** y = tanh(x). */
export function tanhForward(x: Numbers): Float64Array {
  return map(x, Math.tanh);
}

/** dx = dy·(1 − y²). */
export function tanhBackward(dy: Numbers, y: Numbers): Float64Array {
  return map(dy, (delta, i) => delta * (1 - y[i] * y[i]));
}

/** σ(x) = 1 / (1 + exp(−x)), written so that exp never overflows. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** y = σ(x). */
export function sigmoidForward(x: Numbers): Float64Array {
  return map(x, sigmoid);
}

/** dx = dy·y·(1 − y). */
export function sigmoidBackward(dy: Numbers, y: Numbers): Float64Array {
  return map(dy, (delta, i) => delta * y[i] * (1 - y[i]));
}

/** y = x·σ(x). */
export function siluForward(x: Numbers): Float64Array {
  return map(x, (value) => value * sigmoid(value));
}

/** dx = dy·σ(x)·(1 + x·(1 − σ(x))). */
export function siluBackward(dy: Numbers, x: Numbers): Float64Array {
  return map(dy, (delta, i) => delta * sigmoid(x[i]) * (1 + x[i] * sigmoid(-x[i])));
}

/** Both twins of each activation; `backward` is given its input x and its output y. */
export const ACTIVATIONS = {
  relu: { forward: reluForward, backward: (dy: Numbers, _: Numbers, y: Numbers) => reluBackward(dy, y) },
  tanh: { forward: tanhForward, backward: (dy: Numbers, _: Numbers, y: Numbers) => tanhBackward(dy, y) },
  silu: { forward: siluForward, backward: (dy: Numbers, x: Numbers) => siluBackward(dy, x) },
} satisfies Record<string, { forward: typeof reluForward; backward: (...given: Numbers[]) => Float64Array }>;

export type ActivationName = keyof typeof ACTIVATIONS;
