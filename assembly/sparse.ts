// Products with a matrix that is mostly zeros, such as the pixels of digits: only what is not zero is multiplied. A zero
// term adds nothing to a sum and the order of the rest stays, so the bits are those of the dense product.
//
// A list holds what is not zero in a row or in a column of x, in order: pairs of a u32, the byte offset of the row of B
// that belongs to it, and the float32 value. Lists stand `stride` bytes apart; `counts` has a u32 for each.

import { RELU, relu, TANH, tanhActivation } from "./activation";
import { adamRows } from "./adam";
import { blocksOf, sumRows, ZEROS } from "./linear";
import { LANES, madd, ROW } from "./simd";
import { TILE_4X16 } from "./tile";

/** Bytes of a list's entry. */
const ENTRY: usize = 8;

// @ts-ignore: decorator
@inline
function append(list: usize, count: usize, offset: usize, value: f32): void {
  const n = load<u32>(count);
  const entry = list + usize(n) * ENTRY;
  store<u32>(entry, u32(offset));
  store<f32>(entry, value, 4);
  store<u32>(count, n + 1);
}

/** Which of the 16 floats of a row are not zero, a bit each; NaN is not zero. */
// @ts-ignore: decorator
@inline
function nonzero16(row: usize): i32 {
  const zero = f32x4.splat(0);
  return (
    i32x4.bitmask(f32x4.ne(v128.load(row), zero)) |
    (i32x4.bitmask(f32x4.ne(v128.load(row, 16), zero)) << 4) |
    (i32x4.bitmask(f32x4.ne(v128.load(row, 32), zero)) << 8) |
    (i32x4.bitmask(f32x4.ne(v128.load(row, 48), zero)) << 12)
  );
}

/** Lists of the rows of x: for x·W. */
export function listRows(
  lists: usize,
  listStride: usize,
  counts: usize,
  x: usize,
  xStride: usize,
  rows: i32,
  panels: i32,
): void {
  for (let r = 0; r < rows; r++) {
    let row = x + usize(r) * ROW;
    let entry = lists;
    for (let panel = 0; panel < panels; panel++) {
      let bits = nonzero16(row);
      while (bits) {
        const lane = ctz(bits);
        store<u32>(entry, (panel * LANES + lane) * i32(ROW));
        store<f32>(entry, load<f32>(row + usize(lane) * 4), 4);
        entry += ENTRY;
        bits &= bits - 1;
      }
      row += xStride;
    }
    store<u32>(counts, u32((entry - lists) / ENTRY));
    lists += listStride;
    counts += 4;
  }
}

/** Lists of the columns of x, for panels first ≤ panel < last: for xᵀ·dy. */
export function listColumns(
  lists: usize,
  listStride: usize,
  counts: usize,
  x: usize,
  xStride: usize,
  rows: i32,
  first: i32,
  last: i32,
): void {
  for (let panel = first; panel < last; panel++) {
    const column = usize(panel * LANES);
    memory.fill(counts + column * 4, 0, usize(LANES) * 4);
    const from = x + usize(panel) * xStride;
    for (let offset: usize = 0, end = usize(rows) * ROW; offset < end; offset += ROW) {
      let bits = nonzero16(from + offset);
      while (bits) {
        const lane = usize(ctz(bits));
        const value = load<f32>(from + offset + lane * 4);
        append(lists + (column + lane) * listStride, counts + (column + lane) * 4, offset, value);
        bits &= bits - 1;
      }
    }
  }
}

/** One row of C, 5 panels wide. */
// @ts-ignore: decorator
@inline
function row5(c: usize, cStride: usize, entry: usize, end: usize, b: usize, bStride: usize, init: usize, initStride: usize): void {
  let c00 = v128.load(init), c01 = v128.load(init, 16), c02 = v128.load(init, 32), c03 = v128.load(init, 48);
  init += initStride;
  let c10 = v128.load(init), c11 = v128.load(init, 16), c12 = v128.load(init, 32), c13 = v128.load(init, 48);
  init += initStride;
  let c20 = v128.load(init), c21 = v128.load(init, 16), c22 = v128.load(init, 32), c23 = v128.load(init, 48);
  init += initStride;
  let c30 = v128.load(init), c31 = v128.load(init, 16), c32 = v128.load(init, 32), c33 = v128.load(init, 48);
  init += initStride;
  let c40 = v128.load(init), c41 = v128.load(init, 16), c42 = v128.load(init, 32), c43 = v128.load(init, 48);
  while (entry < end) {
    const value = v128.load32_splat(entry, 4);
    const b0 = b + usize(load<u32>(entry));
    c00 = madd(value, v128.load(b0), c00);
    c01 = madd(value, v128.load(b0, 16), c01);
    c02 = madd(value, v128.load(b0, 32), c02);
    c03 = madd(value, v128.load(b0, 48), c03);
    const b1 = b0 + bStride;
    c10 = madd(value, v128.load(b1), c10);
    c11 = madd(value, v128.load(b1, 16), c11);
    c12 = madd(value, v128.load(b1, 32), c12);
    c13 = madd(value, v128.load(b1, 48), c13);
    const b2 = b1 + bStride;
    c20 = madd(value, v128.load(b2), c20);
    c21 = madd(value, v128.load(b2, 16), c21);
    c22 = madd(value, v128.load(b2, 32), c22);
    c23 = madd(value, v128.load(b2, 48), c23);
    const b3 = b2 + bStride;
    c30 = madd(value, v128.load(b3), c30);
    c31 = madd(value, v128.load(b3, 16), c31);
    c32 = madd(value, v128.load(b3, 32), c32);
    c33 = madd(value, v128.load(b3, 48), c33);
    const b4 = b3 + bStride;
    c40 = madd(value, v128.load(b4), c40);
    c41 = madd(value, v128.load(b4, 16), c41);
    c42 = madd(value, v128.load(b4, 32), c42);
    c43 = madd(value, v128.load(b4, 48), c43);
    entry += ENTRY;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c02, 32);
  v128.store(c, c03, 48);
  c += cStride;
  v128.store(c, c10);
  v128.store(c, c11, 16);
  v128.store(c, c12, 32);
  v128.store(c, c13, 48);
  c += cStride;
  v128.store(c, c20);
  v128.store(c, c21, 16);
  v128.store(c, c22, 32);
  v128.store(c, c23, 48);
  c += cStride;
  v128.store(c, c30);
  v128.store(c, c31, 16);
  v128.store(c, c32, 32);
  v128.store(c, c33, 48);
  c += cStride;
  v128.store(c, c40);
  v128.store(c, c41, 16);
  v128.store(c, c42, 32);
  v128.store(c, c43, 48);
}

/** One row of C, 2 panels wide. */
// @ts-ignore: decorator
@inline
function row2(c: usize, cStride: usize, entry: usize, end: usize, b: usize, bStride: usize, init: usize, initStride: usize): void {
  let c00 = v128.load(init), c01 = v128.load(init, 16), c02 = v128.load(init, 32), c03 = v128.load(init, 48);
  init += initStride;
  let c10 = v128.load(init), c11 = v128.load(init, 16), c12 = v128.load(init, 32), c13 = v128.load(init, 48);
  while (entry < end) {
    const value = v128.load32_splat(entry, 4);
    const b0 = b + usize(load<u32>(entry));
    c00 = madd(value, v128.load(b0), c00);
    c01 = madd(value, v128.load(b0, 16), c01);
    c02 = madd(value, v128.load(b0, 32), c02);
    c03 = madd(value, v128.load(b0, 48), c03);
    const b1 = b0 + bStride;
    c10 = madd(value, v128.load(b1), c10);
    c11 = madd(value, v128.load(b1, 16), c11);
    c12 = madd(value, v128.load(b1, 32), c12);
    c13 = madd(value, v128.load(b1, 48), c13);
    entry += ENTRY;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c02, 32);
  v128.store(c, c03, 48);
  c += cStride;
  v128.store(c, c10);
  v128.store(c, c11, 16);
  v128.store(c, c12, 32);
  v128.store(c, c13, 48);
}

/** One row of C, 1 panel wide. */
// @ts-ignore: decorator
@inline
function row1(c: usize, cStride: usize, entry: usize, end: usize, b: usize, bStride: usize, init: usize, initStride: usize): void {
  let c00 = v128.load(init), c01 = v128.load(init, 16), c02 = v128.load(init, 32), c03 = v128.load(init, 48);
  while (entry < end) {
    const value = v128.load32_splat(entry, 4);
    const b0 = b + usize(load<u32>(entry));
    c00 = madd(value, v128.load(b0), c00);
    c01 = madd(value, v128.load(b0, 16), c01);
    c02 = madd(value, v128.load(b0, 32), c02);
    c03 = madd(value, v128.load(b0, 48), c03);
    entry += ENTRY;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c02, 32);
  v128.store(c, c03, 48);
}

/** The greatest number of panels that are worked on at once. */
const MOST_PANELS = 5;

/**
 * How many panels the next row takes when `panels` are left: as many sums as the registers hold, five panels of 16 in
 * 256-bit ones and two in 128-bit ones.
 */
// @ts-ignore: decorator
@inline
function panelsAtOnce(shape: i32, panels: i32): i32 {
  if (shape <= TILE_4X16 && panels >= MOST_PANELS) return MOST_PANELS;
  return panels >= 2 ? 2 : 1;
}

/** C = init + X·B for `rows` lists and `wide` panels (what `panelsAtOnce` gave). */
function sparseRows(
  c: usize,
  cStride: usize,
  lists: usize,
  listStride: usize,
  counts: usize,
  b: usize,
  bStride: usize,
  init: usize,
  initStride: usize,
  rows: i32,
  wide: i32,
): void {
  for (let r = 0; r < rows; r++) {
    const end = lists + usize(load<u32>(counts)) * ENTRY;
    if (wide == MOST_PANELS) row5(c, cStride, lists, end, b, bStride, init, initStride);
    else if (wide == 2) row2(c, cStride, lists, end, b, bStride, init, initStride);
    else row1(c, cStride, lists, end, b, bStride, init, initStride);
    lists += listStride;
    counts += 4;
    c += ROW;
  }
}

/** y = f(x·W + b), x given as the lists of its rows. */
export function linearSparse(
  y: usize,
  yStride: usize,
  lists: usize,
  listStride: usize,
  counts: usize,
  w: usize,
  rows: i32,
  panels: i32,
  k: i32,
  activation: i32,
  shape: i32,
): void {
  const bias = usize(k) * ROW;
  const wStride = bias + ROW;
  while (panels > 0) {
    const wide = panelsAtOnce(shape, panels);
    sparseRows(y, yStride, lists, listStride, counts, w, wStride, w + bias, wStride, rows, wide);
    for (let panel = 0; panel < wide; panel++) {
      if (activation == RELU) relu(y, rows);
      else if (activation == TANH) tanhActivation(y, rows);
      y += yStride;
    }
    w += usize(wide) * wStride;
    panels -= wide;
  }
}

/**
 * linearUpdate for x given as the lists of its columns: the weight rows of the column blocks first ≤ i < last, over all
 * panels. `gradient` is room for 5·17 rows.
 */
export function linearUpdateSparse(
  w: usize,
  m: usize,
  v: usize,
  lists: usize,
  listStride: usize,
  counts: usize,
  dy: usize,
  dyStride: usize,
  batch: i32,
  panels: i32,
  k: i32,
  first: i32,
  last: i32,
  gradient: usize,
  adam: usize,
  shape: i32,
): void {
  const wStride = usize(k + 1) * ROW;
  const room = usize(LANES + 1) * ROW;
  for (let panel = 0, wide = 0; panel < panels; panel += wide) {
    wide = panelsAtOnce(shape, panels - panel);
    const d = dy + usize(panel) * dyStride;
    for (let block = first; block < last; block++) {
      const column = usize(block * LANES);
      let rows = min(LANES, k - block * LANES);
      const list = lists + column * listStride;
      sparseRows(gradient, room, list, listStride, counts + column * 4, d, dyStride, ZEROS, 0, rows, wide);
      if (block == blocksOf(k) - 1) {
        for (let p: usize = 0; p < usize(wide); p++) {
          sumRows(gradient + p * room + usize(rows) * ROW, d + p * dyStride, batch);
        }
        rows += 1;
      }
      for (let p: usize = 0; p < usize(wide); p++) {
        const offset = (usize(panel) + p) * wStride + column * ROW;
        adamRows(w + offset, m + offset, v + offset, gradient + p * room, rows, adam);
      }
    }
  }
}
