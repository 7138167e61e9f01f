// Activations of hidden layers, y = f(x), and their gradients, dx = dy·f′, in place of dy. The derivatives of ReLU and
// tanh are functions of y, so `linear` applies both to its sums, and x is not kept; that of SiLU is a function of x.
// relu and tanhActivation work in place on `rows` contiguous rows of 16, the others on panels (rows, 16·panels).

import { one, silu4, siluSlope4, tanh4 } from "./math";
import { nmadd, ROW } from "./simd";

/** max(0, x). NaN stays NaN, so that a diverging model shows. */
export function relu(y: usize, rows: i32): void {
  const zero = f32x4.splat(0);
  const end = y + usize(rows) * ROW;
  do {
    const y0 = f32x4.pmax(v128.load(y), zero);
    const y1 = f32x4.pmax(v128.load(y, 16), zero);
    v128.store(y, y1, 16);
    v128.store(y, y0);
    y += ROW / 2;
  } while (y < end);
}

/** tanh(x). */
export function tanhActivation(y: usize, rows: i32): void {
  const end = y + usize(rows) * ROW;
  do {
    v128.store(y, tanh4(v128.load(y)));
    y += 16;
  } while (y < end);
}

/** dy ← dy where y > 0, else 0. */
export function reluBackward(dy: usize, y: usize, stride: usize, rows: i32, panels: i32): void {
  const zero = f32x4.splat(0);
  for (let panel = 0; panel < panels; panel++) {
    for (let i: usize = 0, end = usize(rows) * ROW; i < end; i += ROW / 2) {
      const d0 = v128.and(v128.load(dy + i), f32x4.gt(v128.load(y + i), zero));
      const d1 = v128.and(v128.load(dy + i, 16), f32x4.gt(v128.load(y + i, 16), zero));
      v128.store(dy + i, d1, 16);
      v128.store(dy + i, d0);
    }
    dy += stride;
    y += stride;
  }
}

/** dy ← dy·(1 − y²). */
export function tanhBackward(dy: usize, y: usize, stride: usize, rows: i32, panels: i32): void {
  for (let panel = 0; panel < panels; panel++) {
    for (let i: usize = 0, end = usize(rows) * ROW; i < end; i += 16) {
      const output = v128.load(y + i);
      v128.store(dy + i, f32x4.mul(v128.load(dy + i), nmadd(output, output, one())));
    }
    dy += stride;
    y += stride;
  }
}

/** y = x·σ(x); y may be x. */
export function silu(y: usize, x: usize, stride: usize, rows: i32, panels: i32): void {
  for (let panel = 0; panel < panels; panel++) {
    for (let i: usize = 0, end = usize(rows) * ROW; i < end; i += 16) v128.store(y + i, silu4(v128.load(x + i)));
    y += stride;
    x += stride;
  }
}

/** dy ← dy·σ(x)·(1 + x·(1 − σ(x))). */
export function siluBackward(dy: usize, x: usize, stride: usize, rows: i32, panels: i32): void {
  for (let panel = 0; panel < panels; panel++) {
    for (let i: usize = 0, end = usize(rows) * ROW; i < end; i += 16) {
      v128.store(dy + i, f32x4.mul(v128.load(dy + i), siluSlope4(v128.load(x + i))));
    }
    dy += stride;
    x += stride;
  }
}
