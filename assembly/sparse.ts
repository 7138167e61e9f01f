// Products with a sparse matrix, such as the pixels of digits or the outputs of a ReLU, given as the lists of lists.ts.
// Only nonzeros are multiplied. A zero term adds nothing to a sum and the others keep their order, so results are
// bitwise those of the dense product.

import { LANES, PANELS_AT_ONCE, TILE_4X16 } from "../src/wasm/layout";
import { adamRows } from "./adam";
import { finish } from "./finish";
import { ENTRY, segmentsOf } from "./lists";
import { sumRows, ZEROS } from "./linear";
import { madd, ROW, storeRow } from "./simd";
import { Five, Four, One, size, Two } from "./sizes";

/**
 * C = init + X·B for `rows` rows of `Panels` (One, Two, Four, Five) panels, over one segment of their lists. init is
 * one row for all (`step` is 0), or rows `step` bytes apart. Four and five panels read two entries a trip, which takes
 * 2 % less time.
 */
function sparseRows<Panels>(
  c: usize, cStride: usize, lists: usize, listStride: usize, ends: usize, endStride: usize,
  b: usize, bStride: usize, init: usize, initStride: usize, step: usize, rows: i32,
): void {
  const zero = f32x4.splat(0);
  do {
    let entry = lists + load<u32>(ends), end = lists + load<u32>(ends, 4), start = init;
    let c00 = v128.load(start), c01 = v128.load(start, 16), c02 = v128.load(start, 32), c03 = v128.load(start, 48);
    let c10 = zero, c11 = zero, c12 = zero, c13 = zero;
    let c20 = zero, c21 = zero, c22 = zero, c23 = zero;
    let c30 = zero, c31 = zero, c32 = zero, c33 = zero;
    let c40 = zero, c41 = zero, c42 = zero, c43 = zero;
    if (size<Panels>() > 1) {
      start += initStride;
      c10 = v128.load(start); c11 = v128.load(start, 16); c12 = v128.load(start, 32); c13 = v128.load(start, 48);
    }
    if (size<Panels>() > 2) {
      start += initStride;
      c20 = v128.load(start); c21 = v128.load(start, 16); c22 = v128.load(start, 32); c23 = v128.load(start, 48);
      start += initStride;
      c30 = v128.load(start); c31 = v128.load(start, 16); c32 = v128.load(start, 32); c33 = v128.load(start, 48);
    }
    if (size<Panels>() > 4) {
      start += initStride;
      c40 = v128.load(start); c41 = v128.load(start, 16); c42 = v128.load(start, 32); c43 = v128.load(start, 48);
    }
    while (entry < end) {
      const value0 = v128.load32_splat(entry, 4);
      let row0 = b + usize(load<u32>(entry));
      c00 = madd(value0, v128.load(row0), c00); c01 = madd(value0, v128.load(row0, 16), c01);
      c02 = madd(value0, v128.load(row0, 32), c02); c03 = madd(value0, v128.load(row0, 48), c03);
      if (size<Panels>() > 1) {
        row0 += bStride;
        c10 = madd(value0, v128.load(row0), c10); c11 = madd(value0, v128.load(row0, 16), c11);
        c12 = madd(value0, v128.load(row0, 32), c12); c13 = madd(value0, v128.load(row0, 48), c13);
      }
      if (size<Panels>() > 2) {
        row0 += bStride;
        c20 = madd(value0, v128.load(row0), c20); c21 = madd(value0, v128.load(row0, 16), c21);
        c22 = madd(value0, v128.load(row0, 32), c22); c23 = madd(value0, v128.load(row0, 48), c23);
        row0 += bStride;
        c30 = madd(value0, v128.load(row0), c30); c31 = madd(value0, v128.load(row0, 16), c31);
        c32 = madd(value0, v128.load(row0, 32), c32); c33 = madd(value0, v128.load(row0, 48), c33);
      }
      if (size<Panels>() > 4) {
        row0 += bStride;
        c40 = madd(value0, v128.load(row0), c40); c41 = madd(value0, v128.load(row0, 16), c41);
        c42 = madd(value0, v128.load(row0, 32), c42); c43 = madd(value0, v128.load(row0, 48), c43);
      }
      entry += ENTRY;
      if (size<Panels>() > 2) {
        if (entry >= end) break;
        const value1 = v128.load32_splat(entry, 4);
        let row1 = b + usize(load<u32>(entry));
        c00 = madd(value1, v128.load(row1), c00); c01 = madd(value1, v128.load(row1, 16), c01);
        c02 = madd(value1, v128.load(row1, 32), c02); c03 = madd(value1, v128.load(row1, 48), c03);
        row1 += bStride;
        c10 = madd(value1, v128.load(row1), c10); c11 = madd(value1, v128.load(row1, 16), c11);
        c12 = madd(value1, v128.load(row1, 32), c12); c13 = madd(value1, v128.load(row1, 48), c13);
        row1 += bStride;
        c20 = madd(value1, v128.load(row1), c20); c21 = madd(value1, v128.load(row1, 16), c21);
        c22 = madd(value1, v128.load(row1, 32), c22); c23 = madd(value1, v128.load(row1, 48), c23);
        row1 += bStride;
        c30 = madd(value1, v128.load(row1), c30); c31 = madd(value1, v128.load(row1, 16), c31);
        c32 = madd(value1, v128.load(row1, 32), c32); c33 = madd(value1, v128.load(row1, 48), c33);
        if (size<Panels>() > 4) {
          row1 += bStride;
          c40 = madd(value1, v128.load(row1), c40); c41 = madd(value1, v128.load(row1, 16), c41);
          c42 = madd(value1, v128.load(row1, 32), c42); c43 = madd(value1, v128.load(row1, 48), c43);
        }
        entry += ENTRY;
      }
    }
    let to = c;
    storeRow(to, c00, c01, c02, c03);
    if (size<Panels>() > 1) {
      to += cStride;
      storeRow(to, c10, c11, c12, c13);
    }
    if (size<Panels>() > 2) {
      to += cStride;
      storeRow(to, c20, c21, c22, c23);
      to += cStride;
      storeRow(to, c30, c31, c32, c33);
    }
    if (size<Panels>() > 4) {
      to += cStride;
      storeRow(to, c40, c41, c42, c43);
    }
    lists += listStride;
    ends += endStride;
    c += ROW;
    init += step;
  } while (--rows);
}

/**
 * Panels that share the next pass over the lists, of `panels` that remain: five with 256-bit registers, or four where
 * five would leave one or three; two with 128-bit registers.
 */
function panelsAtOnce(shape: i32, panels: i32): i32 {
  if (shape > TILE_4X16 || panels < 4) return min(2, panels);
  return panels == 4 || panels == 6 || panels == 8 ? 4 : PANELS_AT_ONCE;
}

/** C = init + X·B for `rows` lists of `length` places and `wide` panels, segment by segment. */
function sparsePanels(
  c: usize, cStride: usize, lists: usize, listStride: usize, ends: usize, endStride: usize,
  b: usize, bStride: usize, init: usize, initStride: usize, rows: i32, length: i32, wide: i32,
): void {
  let step: usize = 0;
  for (let segment = segmentsOf(length); segment > 0; segment--) {
    if (wide == PANELS_AT_ONCE) sparseRows<Five>(c, cStride, lists, listStride, ends, endStride, b, bStride, init, initStride, step, rows);
    else if (wide == 4) sparseRows<Four>(c, cStride, lists, listStride, ends, endStride, b, bStride, init, initStride, step, rows);
    else if (wide == 2) sparseRows<Two>(c, cStride, lists, listStride, ends, endStride, b, bStride, init, initStride, step, rows);
    else sparseRows<One>(c, cStride, lists, listStride, ends, endStride, b, bStride, init, initStride, step, rows);
    ends += 4;
    init = c;
    initStride = cStride;
    step = ROW;
  }
}

/** y = f(x·W + b), from the lists of the rows of x. */
export function linearSparse(
  y: usize, yStride: usize, lists: usize, listStride: usize, ends: usize, endStride: usize, w: usize,
  rows: i32, panels: i32, k: i32, activation: i32, shape: i32,
): void {
  const bias = usize(k) * ROW;
  const wStride = bias + ROW;
  while (panels > 0) {
    const wide = panelsAtOnce(shape, panels);
    sparsePanels(y, yStride, lists, listStride, ends, endStride, w, wStride, w + bias, wStride, rows, k, wide);
    for (let panel = 0; panel < wide; panel++) {
      finish(activation, y, rows);
      y += yStride;
    }
    w += usize(wide) * wStride;
    panels -= wide;
  }
}

/**
 * linearUpdate from the lists of the columns of x: updates the weight rows first ≤ column < last in all panels; the
 * call with column k − 1 also updates the bias. `gradient` is room for GRADIENT_BYTES.
 */
export function linearUpdateSparse(
  w: usize, m: usize, v: usize, lists: usize, listStride: usize, ends: usize, endStride: usize,
  dy: usize, dyStride: usize,
  batch: i32, panels: i32, k: i32, first: i32, last: i32, gradient: usize, adam: usize, shape: i32,
): void {
  const wStride = usize(k + 1) * ROW;
  const room = usize(LANES + 1) * ROW;
  last = min(last, k);
  while (panels > 0) {
    const wide = panelsAtOnce(shape, panels);
    for (let column = first; column < last; column += LANES) {
      let rows = min(LANES, last - column);
      const list = lists + usize(column) * listStride;
      const listEnds = ends + usize(column) * endStride;
      sparsePanels(gradient, room, list, listStride, listEnds, endStride, dy, dyStride, ZEROS, 0, rows, batch, wide);
      if (column + rows == k) {
        for (let p: usize = 0; p < usize(wide); p++) {
          sumRows(gradient + p * room + usize(rows) * ROW, dy + p * dyStride, batch);
        }
        rows += 1;
      }
      for (let p: usize = 0; p < usize(wide); p++) {
        const offset = p * wStride + usize(column) * ROW;
        adamRows(w + offset, m + offset, v + offset, gradient + p * room, rows, adam);
      }
    }
    const onward = usize(wide) * wStride;
    w += onward;
    m += onward;
    v += onward;
    dy += usize(wide) * dyStride;
    panels -= wide;
  }
}
