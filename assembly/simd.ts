// The row of a panel, its mask, and the multiply-add: shared by all kernels.

import { LANES, ROW_BYTES } from "../src/wasm/layout";

export const ROW: usize = ROW_BYTES;

/**
 * a·b + c. The relaxed build uses a fused multiply-add, one rounding, where the processor has it; the plain build
 * rounds twice on every machine.
 */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
}

/** c − a·b, rounded as `madd`. */
// @ts-ignore: decorator
@inline
export function nmadd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_nmadd(a, b, c);
  return f32x4.sub(c, f32x4.mul(a, b));
}

/** Stores four vectors as a row. */
// @ts-ignore: decorator
@inline
export function storeRow(to: usize, v0: v128, v1: v128, v2: v128, v3: v128): void {
  v128.store(to, v0);
  v128.store(to, v1, 16);
  v128.store(to, v2, 32);
  v128.store(to, v3, 48);
}

/** The weight, of one float32 per row, of the row at byte `i` of a panel. */
// @ts-ignore: decorator
@inline
export function weightOfRow(weights: usize, i: usize): v128 {
  return v128.load32_splat(weights + (i / ROW) * sizeof<f32>());
}

/** The sum of four lanes as a float64, in a fixed order. */
// @ts-ignore: decorator
@inline
export function sum4(x: v128): f64 {
  return (
    f64(f32x4.extract_lane(x, 0)) +
    f64(f32x4.extract_lane(x, 1)) +
    (f64(f32x4.extract_lane(x, 2)) + f64(f32x4.extract_lane(x, 3)))
  );
}

/** Sixteen lanes of ones, then sixteen of zeros: the mask for any number of columns is a window of it. */
const MASK = memory.data<u32>([
  0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
  0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]);

/** Points to a row with ones in the first `columns` lanes and zeros in the padding. */
// @ts-ignore: decorator
@inline
export function maskOf(columns: i32): usize {
  return MASK + usize(LANES - min(columns, LANES)) * 4;
}
