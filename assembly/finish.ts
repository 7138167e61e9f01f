// What a product applies to a finished tile, while it is in the cache: `rows` contiguous rows of 16, in place.

import { RELU, TANH } from "../src/wasm/layout";
import { tanh4 } from "./math";
import { ROW } from "./simd";

/** max(0, x). NaN stays NaN, so that a diverging model shows. */
function relu(y: usize, rows: i32): void {
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
function tanh(y: usize, rows: i32): void {
  const end = y + usize(rows) * ROW;
  do {
    v128.store(y, tanh4(v128.load(y)));
    y += 16;
  } while (y < end);
}

// @ts-ignore: decorator
@inline
export function finish(activation: i32, y: usize, rows: i32): void {
  if (activation == RELU) relu(y, rows);
  else if (activation == TANH) tanh(y, rows);
}
