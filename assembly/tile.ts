// Micro-kernels: one tile of C = init + A·B, held in registers while k runs.
//
//   B is a panel: k rows of 16 floats, contiguous.
//   C is tile rows of 16 floats, contiguous.
//   init is what C starts from: one row for all (the bias, or zeros; `step` is 0), or rows `step` bytes apart (C
//     itself, to go on with a sum).
//   A is read one scalar a row, in either of two ways (the type parameter):
//     Normal      the tile's rows are rows of A; k runs along them, 16 a panel, `panel` bytes from the end of one
//                 run of 16 to the start of the next
//     Transposed  the tile's rows are neighbouring columns of A; k runs down the panel's rows (`panel` is 0)
//
// Every element of C is one chain of multiply-adds in ascending k, so all tiles give the same bits.
//
// The accumulators, one row of B and one scalar of A must fit the registers: V8 on x64 has fifteen of them. Under
// its revectorizer two neighbouring 128-bit operations become one of 256 bits, so 6×16 needs 12 + 2 + 1; without it
// 6×8 does, and older V8s, which allocate worse, want 4×8. Loads come first and stores last, in ascending pairs,
// because that is what the revectorizer packs.

import { LANES, madd, ROW } from "./simd";

/** How a tile reads A. */
export class Normal {}
export class Transposed {}

/** Bytes between the scalars of neighbouring tile rows. */
// @ts-ignore: decorator
@inline
function apart<A>(): usize {
  return idof<A>() == idof<Normal>() ? ROW : sizeof<f32>();
}

/** Bytes from one k to the next. */
// @ts-ignore: decorator
@inline
function onward<A>(): usize {
  return idof<A>() == idof<Normal>() ? sizeof<f32>() : ROW;
}

/** 6 rows by 16 columns: 24 accumulators. */
function tile6x16<A>(c: usize, a: usize, b: usize, k: i32, panel: usize, init: usize, step: usize): void {
  let c00 = v128.load(init), c01 = v128.load(init, 16), c02 = v128.load(init, 32), c03 = v128.load(init, 48);
  init += step;
  let c10 = v128.load(init), c11 = v128.load(init, 16), c12 = v128.load(init, 32), c13 = v128.load(init, 48);
  init += step;
  let c20 = v128.load(init), c21 = v128.load(init, 16), c22 = v128.load(init, 32), c23 = v128.load(init, 48);
  init += step;
  let c30 = v128.load(init), c31 = v128.load(init, 16), c32 = v128.load(init, 32), c33 = v128.load(init, 48);
  init += step;
  let c40 = v128.load(init), c41 = v128.load(init, 16), c42 = v128.load(init, 32), c43 = v128.load(init, 48);
  init += step;
  let c50 = v128.load(init), c51 = v128.load(init, 16), c52 = v128.load(init, 32), c53 = v128.load(init, 48);
  while (k > 0) {
    let n = min(k, LANES);
    k -= n;
    do {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const b2 = v128.load(b, 32);
      const b3 = v128.load(b, 48);
      const a0 = v128.load32_splat(a);
      c00 = madd(a0, b0, c00);
      c01 = madd(a0, b1, c01);
      c02 = madd(a0, b2, c02);
      c03 = madd(a0, b3, c03);
      const a1 = v128.load32_splat(a, apart<A>());
      c10 = madd(a1, b0, c10);
      c11 = madd(a1, b1, c11);
      c12 = madd(a1, b2, c12);
      c13 = madd(a1, b3, c13);
      const a2 = v128.load32_splat(a, 2 * apart<A>());
      c20 = madd(a2, b0, c20);
      c21 = madd(a2, b1, c21);
      c22 = madd(a2, b2, c22);
      c23 = madd(a2, b3, c23);
      const a3 = v128.load32_splat(a, 3 * apart<A>());
      c30 = madd(a3, b0, c30);
      c31 = madd(a3, b1, c31);
      c32 = madd(a3, b2, c32);
      c33 = madd(a3, b3, c33);
      const a4 = v128.load32_splat(a, 4 * apart<A>());
      c40 = madd(a4, b0, c40);
      c41 = madd(a4, b1, c41);
      c42 = madd(a4, b2, c42);
      c43 = madd(a4, b3, c43);
      const a5 = v128.load32_splat(a, 5 * apart<A>());
      c50 = madd(a5, b0, c50);
      c51 = madd(a5, b1, c51);
      c52 = madd(a5, b2, c52);
      c53 = madd(a5, b3, c53);
      a += onward<A>();
      b += ROW;
    } while (--n);
    a += panel;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c02, 32);
  v128.store(c, c03, 48);
  v128.store(c, c10, ROW);
  v128.store(c, c11, ROW + 16);
  v128.store(c, c12, ROW + 32);
  v128.store(c, c13, ROW + 48);
  v128.store(c, c20, 2 * ROW);
  v128.store(c, c21, 2 * ROW + 16);
  v128.store(c, c22, 2 * ROW + 32);
  v128.store(c, c23, 2 * ROW + 48);
  v128.store(c, c30, 3 * ROW);
  v128.store(c, c31, 3 * ROW + 16);
  v128.store(c, c32, 3 * ROW + 32);
  v128.store(c, c33, 3 * ROW + 48);
  v128.store(c, c40, 4 * ROW);
  v128.store(c, c41, 4 * ROW + 16);
  v128.store(c, c42, 4 * ROW + 32);
  v128.store(c, c43, 4 * ROW + 48);
  v128.store(c, c50, 5 * ROW);
  v128.store(c, c51, 5 * ROW + 16);
  v128.store(c, c52, 5 * ROW + 32);
  v128.store(c, c53, 5 * ROW + 48);
}

/** 4 rows by 16 columns: 16 accumulators. */
function tile4x16<A>(c: usize, a: usize, b: usize, k: i32, panel: usize, init: usize, step: usize): void {
  let c00 = v128.load(init), c01 = v128.load(init, 16), c02 = v128.load(init, 32), c03 = v128.load(init, 48);
  init += step;
  let c10 = v128.load(init), c11 = v128.load(init, 16), c12 = v128.load(init, 32), c13 = v128.load(init, 48);
  init += step;
  let c20 = v128.load(init), c21 = v128.load(init, 16), c22 = v128.load(init, 32), c23 = v128.load(init, 48);
  init += step;
  let c30 = v128.load(init), c31 = v128.load(init, 16), c32 = v128.load(init, 32), c33 = v128.load(init, 48);
  while (k > 0) {
    let n = min(k, LANES);
    k -= n;
    do {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const b2 = v128.load(b, 32);
      const b3 = v128.load(b, 48);
      const a0 = v128.load32_splat(a);
      c00 = madd(a0, b0, c00);
      c01 = madd(a0, b1, c01);
      c02 = madd(a0, b2, c02);
      c03 = madd(a0, b3, c03);
      const a1 = v128.load32_splat(a, apart<A>());
      c10 = madd(a1, b0, c10);
      c11 = madd(a1, b1, c11);
      c12 = madd(a1, b2, c12);
      c13 = madd(a1, b3, c13);
      const a2 = v128.load32_splat(a, 2 * apart<A>());
      c20 = madd(a2, b0, c20);
      c21 = madd(a2, b1, c21);
      c22 = madd(a2, b2, c22);
      c23 = madd(a2, b3, c23);
      const a3 = v128.load32_splat(a, 3 * apart<A>());
      c30 = madd(a3, b0, c30);
      c31 = madd(a3, b1, c31);
      c32 = madd(a3, b2, c32);
      c33 = madd(a3, b3, c33);
      a += onward<A>();
      b += ROW;
    } while (--n);
    a += panel;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c02, 32);
  v128.store(c, c03, 48);
  v128.store(c, c10, ROW);
  v128.store(c, c11, ROW + 16);
  v128.store(c, c12, ROW + 32);
  v128.store(c, c13, ROW + 48);
  v128.store(c, c20, 2 * ROW);
  v128.store(c, c21, 2 * ROW + 16);
  v128.store(c, c22, 2 * ROW + 32);
  v128.store(c, c23, 2 * ROW + 48);
  v128.store(c, c30, 3 * ROW);
  v128.store(c, c31, 3 * ROW + 16);
  v128.store(c, c32, 3 * ROW + 32);
  v128.store(c, c33, 3 * ROW + 48);
}

/** 1 rows by 16 columns: 4 accumulators. */
function tile1x16<A>(c: usize, a: usize, b: usize, k: i32, panel: usize, init: usize, step: usize): void {
  let c00 = v128.load(init), c01 = v128.load(init, 16), c02 = v128.load(init, 32), c03 = v128.load(init, 48);
  while (k > 0) {
    let n = min(k, LANES);
    k -= n;
    do {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const b2 = v128.load(b, 32);
      const b3 = v128.load(b, 48);
      const a0 = v128.load32_splat(a);
      c00 = madd(a0, b0, c00);
      c01 = madd(a0, b1, c01);
      c02 = madd(a0, b2, c02);
      c03 = madd(a0, b3, c03);
      a += onward<A>();
      b += ROW;
    } while (--n);
    a += panel;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c02, 32);
  v128.store(c, c03, 48);
}

/** 6 rows by 8 columns: 12 accumulators. */
function tile6x8<A>(c: usize, a: usize, b: usize, k: i32, panel: usize, init: usize, step: usize): void {
  let c00 = v128.load(init), c01 = v128.load(init, 16);
  init += step;
  let c10 = v128.load(init), c11 = v128.load(init, 16);
  init += step;
  let c20 = v128.load(init), c21 = v128.load(init, 16);
  init += step;
  let c30 = v128.load(init), c31 = v128.load(init, 16);
  init += step;
  let c40 = v128.load(init), c41 = v128.load(init, 16);
  init += step;
  let c50 = v128.load(init), c51 = v128.load(init, 16);
  while (k > 0) {
    let n = min(k, LANES);
    k -= n;
    do {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const a0 = v128.load32_splat(a);
      c00 = madd(a0, b0, c00);
      c01 = madd(a0, b1, c01);
      const a1 = v128.load32_splat(a, apart<A>());
      c10 = madd(a1, b0, c10);
      c11 = madd(a1, b1, c11);
      const a2 = v128.load32_splat(a, 2 * apart<A>());
      c20 = madd(a2, b0, c20);
      c21 = madd(a2, b1, c21);
      const a3 = v128.load32_splat(a, 3 * apart<A>());
      c30 = madd(a3, b0, c30);
      c31 = madd(a3, b1, c31);
      const a4 = v128.load32_splat(a, 4 * apart<A>());
      c40 = madd(a4, b0, c40);
      c41 = madd(a4, b1, c41);
      const a5 = v128.load32_splat(a, 5 * apart<A>());
      c50 = madd(a5, b0, c50);
      c51 = madd(a5, b1, c51);
      a += onward<A>();
      b += ROW;
    } while (--n);
    a += panel;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c10, ROW);
  v128.store(c, c11, ROW + 16);
  v128.store(c, c20, 2 * ROW);
  v128.store(c, c21, 2 * ROW + 16);
  v128.store(c, c30, 3 * ROW);
  v128.store(c, c31, 3 * ROW + 16);
  v128.store(c, c40, 4 * ROW);
  v128.store(c, c41, 4 * ROW + 16);
  v128.store(c, c50, 5 * ROW);
  v128.store(c, c51, 5 * ROW + 16);
}

/** 4 rows by 8 columns: 8 accumulators. */
function tile4x8<A>(c: usize, a: usize, b: usize, k: i32, panel: usize, init: usize, step: usize): void {
  let c00 = v128.load(init), c01 = v128.load(init, 16);
  init += step;
  let c10 = v128.load(init), c11 = v128.load(init, 16);
  init += step;
  let c20 = v128.load(init), c21 = v128.load(init, 16);
  init += step;
  let c30 = v128.load(init), c31 = v128.load(init, 16);
  while (k > 0) {
    let n = min(k, LANES);
    k -= n;
    do {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const a0 = v128.load32_splat(a);
      c00 = madd(a0, b0, c00);
      c01 = madd(a0, b1, c01);
      const a1 = v128.load32_splat(a, apart<A>());
      c10 = madd(a1, b0, c10);
      c11 = madd(a1, b1, c11);
      const a2 = v128.load32_splat(a, 2 * apart<A>());
      c20 = madd(a2, b0, c20);
      c21 = madd(a2, b1, c21);
      const a3 = v128.load32_splat(a, 3 * apart<A>());
      c30 = madd(a3, b0, c30);
      c31 = madd(a3, b1, c31);
      a += onward<A>();
      b += ROW;
    } while (--n);
    a += panel;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c10, ROW);
  v128.store(c, c11, ROW + 16);
  v128.store(c, c20, 2 * ROW);
  v128.store(c, c21, 2 * ROW + 16);
  v128.store(c, c30, 3 * ROW);
  v128.store(c, c31, 3 * ROW + 16);
}

/** The shapes a tile can have; `wasm/tiles.ts` on the other side chooses one for the engine. */
export const TILE_6X16 = 0;
export const TILE_4X16 = 1;
export const TILE_6X8 = 2;
export const TILE_4X8 = 3;

/** How many rows the next tile takes when `rows` are left: the shape's own, then 4, then 1. */
// @ts-ignore: decorator
@inline
export function tileRows(shape: i32, rows: i32): i32 {
  const most = shape == TILE_6X16 || shape == TILE_6X8 ? 6 : 4;
  return rows >= most ? most : rows >= 4 ? 4 : 1;
}

/** Computes `rows` rows (6, 4 or 1: what `tileRows` gave) by 16 columns of C. */
export function tile<A>(
  shape: i32,
  rows: i32,
  c: usize,
  a: usize,
  b: usize,
  k: i32,
  panel: usize,
  init: usize,
  step: usize,
): void {
  if (rows == 1) {
    tile1x16<A>(c, a, b, k, panel, init, step);
  } else if (shape <= TILE_4X16) {
    if (rows == 6) tile6x16<A>(c, a, b, k, panel, init, step);
    else tile4x16<A>(c, a, b, k, panel, init, step);
  } else if (rows == 6) {
    tile6x8<A>(c, a, b, k, panel, init, step);
    tile6x8<A>(c + ROW / 2, a, b + ROW / 2, k, panel, init + ROW / 2, step);
  } else {
    tile4x8<A>(c, a, b, k, panel, init, step);
    tile4x8<A>(c + ROW / 2, a, b + ROW / 2, k, panel, init + ROW / 2, step);
  }
}
