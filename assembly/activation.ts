// Activations of hidden layers, y = f(x), and their gradients, dx = dy·f′, in place of dy, on panels (rows, 16·panels).
// The derivatives of ReLU and tanh are functions of y, so products apply both to their sums (finish.ts) and x is not
// kept; that of SiLU is a function of x.

import { one, silu4, siluSlope4 } from "./math";
import { nmadd, ROW } from "./simd";

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
