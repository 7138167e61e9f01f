// Micro-kernels: one tile of C = init + A·B, held in registers while k runs.
//
//   B is a panel: k rows of 16 floats, contiguous.
//   C is tile rows of 16 floats, contiguous.
//   init is the initial value of C: one row for all (the bias, or zeros; `step` is 0), or rows `step` bytes apart (C
//     itself, to resume a sum).
//   A is read as one broadcast scalar per row, in one of two ways (the type parameter):
//     Normal      the tile's rows are rows of A; k runs along them, 16 per panel, `panel` bytes from the end of one
//                 run of 16 to the start of the next
//     Transposed  the tile's rows are neighbouring columns of A; k runs down the panel's rows (`panel` is 0)
//
// Every element of C is one chain of multiply-adds in ascending k, so all tiles are bitwise equal.
//
// The accumulators, one row of B and one scalar of A must fit the registers, of which V8 on x64 has fifteen. Its
// revectorizer merges two neighbouring 128-bit operations into one of 256 bits, so 6×16 needs 12 + 2 + 1; without it
// 6×8 does, and older V8s, whose allocation is worse, need 4×8. The revectorizer packs only loads that come first and
// stores that come last, in ascending pairs at constant offsets: with a pointer for each row of C a tile takes twice
// the time.

import { LANES, TILE_4X16, TILE_6X8, TILE_6X16 } from "../src/wasm/layout";
import { madd, ROW } from "./simd";
import { Four, One, Six, size, Two } from "./sizes";

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

// A tile is four vectors wide, which is a row of C, or two: then the third and the fourth are not compiled.

// @ts-ignore: decorator
@inline
function load2<Vectors>(p: usize): v128 {
  return size<Vectors>() > 2 ? v128.load(p, 32) : f32x4.splat(0);
}

// @ts-ignore: decorator
@inline
function load3<Vectors>(p: usize): v128 {
  return size<Vectors>() > 2 ? v128.load(p, 48) : f32x4.splat(0);
}

// @ts-ignore: decorator
@inline
function maddWide<Vectors>(a: v128, b: v128, c: v128): v128 {
  return size<Vectors>() > 2 ? madd(a, b, c) : c;
}

/** A tile of `Rows` (One, Four, Six) rows by `Vectors` (Two, Four) vectors of four columns. */
function tileOf<A, Rows, Vectors>(c: usize, a: usize, b: usize, k: i32, panel: usize, init: usize, step: usize): void {
  let c00 = v128.load(init), c01 = v128.load(init, 16), c02 = load2<Vectors>(init), c03 = load3<Vectors>(init);
  const zero = f32x4.splat(0);
  let c10 = zero, c11 = zero, c12 = zero, c13 = zero;
  let c20 = zero, c21 = zero, c22 = zero, c23 = zero;
  let c30 = zero, c31 = zero, c32 = zero, c33 = zero;
  let c40 = zero, c41 = zero, c42 = zero, c43 = zero;
  let c50 = zero, c51 = zero, c52 = zero, c53 = zero;
  if (size<Rows>() > 1) {
    init += step;
    c10 = v128.load(init); c11 = v128.load(init, 16); c12 = load2<Vectors>(init); c13 = load3<Vectors>(init);
    init += step;
    c20 = v128.load(init); c21 = v128.load(init, 16); c22 = load2<Vectors>(init); c23 = load3<Vectors>(init);
    init += step;
    c30 = v128.load(init); c31 = v128.load(init, 16); c32 = load2<Vectors>(init); c33 = load3<Vectors>(init);
  }
  if (size<Rows>() > 4) {
    init += step;
    c40 = v128.load(init); c41 = v128.load(init, 16); c42 = load2<Vectors>(init); c43 = load3<Vectors>(init);
    init += step;
    c50 = v128.load(init); c51 = v128.load(init, 16); c52 = load2<Vectors>(init); c53 = load3<Vectors>(init);
  }
  while (k > 0) {
    let n = min(k, LANES);
    k -= n;
    do {
      const b0 = v128.load(b), b1 = v128.load(b, 16), b2 = load2<Vectors>(b), b3 = load3<Vectors>(b);
      const a0 = v128.load32_splat(a);
      c00 = madd(a0, b0, c00); c01 = madd(a0, b1, c01);
      c02 = maddWide<Vectors>(a0, b2, c02); c03 = maddWide<Vectors>(a0, b3, c03);
      if (size<Rows>() > 1) {
        const a1 = v128.load32_splat(a, apart<A>());
        c10 = madd(a1, b0, c10); c11 = madd(a1, b1, c11);
        c12 = maddWide<Vectors>(a1, b2, c12); c13 = maddWide<Vectors>(a1, b3, c13);
        const a2 = v128.load32_splat(a, 2 * apart<A>());
        c20 = madd(a2, b0, c20); c21 = madd(a2, b1, c21);
        c22 = maddWide<Vectors>(a2, b2, c22); c23 = maddWide<Vectors>(a2, b3, c23);
        const a3 = v128.load32_splat(a, 3 * apart<A>());
        c30 = madd(a3, b0, c30); c31 = madd(a3, b1, c31);
        c32 = maddWide<Vectors>(a3, b2, c32); c33 = maddWide<Vectors>(a3, b3, c33);
      }
      if (size<Rows>() > 4) {
        const a4 = v128.load32_splat(a, 4 * apart<A>());
        c40 = madd(a4, b0, c40); c41 = madd(a4, b1, c41);
        c42 = maddWide<Vectors>(a4, b2, c42); c43 = maddWide<Vectors>(a4, b3, c43);
        const a5 = v128.load32_splat(a, 5 * apart<A>());
        c50 = madd(a5, b0, c50); c51 = madd(a5, b1, c51);
        c52 = maddWide<Vectors>(a5, b2, c52); c53 = maddWide<Vectors>(a5, b3, c53);
      }
      a += onward<A>();
      b += ROW;
    } while (--n);
    a += panel;
  }
  v128.store(c, c00); v128.store(c, c01, 16);
  if (size<Vectors>() > 2) { v128.store(c, c02, 32); v128.store(c, c03, 48); }
  if (size<Rows>() > 1) {
    v128.store(c, c10, ROW); v128.store(c, c11, ROW + 16);
    if (size<Vectors>() > 2) { v128.store(c, c12, ROW + 32); v128.store(c, c13, ROW + 48); }
    v128.store(c, c20, 2 * ROW); v128.store(c, c21, 2 * ROW + 16);
    if (size<Vectors>() > 2) { v128.store(c, c22, 2 * ROW + 32); v128.store(c, c23, 2 * ROW + 48); }
    v128.store(c, c30, 3 * ROW); v128.store(c, c31, 3 * ROW + 16);
    if (size<Vectors>() > 2) { v128.store(c, c32, 3 * ROW + 32); v128.store(c, c33, 3 * ROW + 48); }
  }
  if (size<Rows>() > 4) {
    v128.store(c, c40, 4 * ROW); v128.store(c, c41, 4 * ROW + 16);
    if (size<Vectors>() > 2) { v128.store(c, c42, 4 * ROW + 32); v128.store(c, c43, 4 * ROW + 48); }
    v128.store(c, c50, 5 * ROW); v128.store(c, c51, 5 * ROW + 16);
    if (size<Vectors>() > 2) { v128.store(c, c52, 5 * ROW + 32); v128.store(c, c53, 5 * ROW + 48); }
  }
}

/** Rows of the next tile, of `rows` that remain: the shape's own, then 4, then 1. */
// @ts-ignore: decorator
@inline
export function tileRows(shape: i32, rows: i32): i32 {
  const most = shape == TILE_6X16 || shape == TILE_6X8 ? 6 : 4;
  return rows >= most ? most : rows >= 4 ? 4 : 1;
}

/** Computes `rows` rows (6, 4 or 1, from `tileRows`) by 16 columns of C. */
export function tile<A>(
  shape: i32, rows: i32, c: usize, a: usize, b: usize, k: i32, panel: usize, init: usize, step: usize,
): void {
  if (rows == 1) {
    tileOf<A, One, Four>(c, a, b, k, panel, init, step);
  } else if (shape <= TILE_4X16) {
    if (rows == 6) tileOf<A, Six, Four>(c, a, b, k, panel, init, step);
    else tileOf<A, Four, Four>(c, a, b, k, panel, init, step);
  } else if (rows == 6) {
    tileOf<A, Six, Two>(c, a, b, k, panel, init, step);
    tileOf<A, Six, Two>(c + ROW / 2, a, b + ROW / 2, k, panel, init + ROW / 2, step);
  } else {
    tileOf<A, Four, Two>(c, a, b, k, panel, init, step);
    tileOf<A, Four, Two>(c + ROW / 2, a, b + ROW / 2, k, panel, init + ROW / 2, step);
  }
}
