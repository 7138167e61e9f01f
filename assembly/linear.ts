// A dense layer, forward and backward: y = f(x·W + b).
//
//   x is (rows, k), y and dy are (rows, n), W is (k, n); all are panels of 16 columns.
//   A weight panel has k + 1 rows, the last of which is the bias, so that both share stride, update and file index.
//   `…T` is a matrix with 16 rows of the batch in the lanes: [blocks of 16 rows][n][16] (see transpose.ts).
//
// Strides are bytes from one panel to the next.

import { LANES, NONE } from "../src/wasm/layout";
import { adamRows } from "./adam";
import { finish } from "./finish";
import { ROW, storeRow } from "./simd";
import { Normal, Transposed, tile, tileRows } from "./tile";

/** A row of zeros: the initial value of sums without a bias. */
export const ZEROS = memory.data(64, 64);

/**
 * Block sizes of a product: `DEPTH` of k, so that a block of B's panel (25 KiB) and of a tile's A (10 KiB) stay in the
 * L1 cache, and `ROWS` rows of C, so that their block of A stays in the L2 cache.
 */
const DEPTH = 400;
const ROWS = 96;

/** C = f(init + A·B), block by block. The next block of k resumes each sum from C, which changes no bit. */
function product(
  c: usize, cStride: usize, a: usize, aStride: usize, b: usize, bStride: usize, init: usize, initStride: usize,
  rows: i32, panels: i32, k: i32, activation: i32, shape: i32,
): void {
  for (let top = 0; top < rows; top += ROWS) {
    const bottom = min(rows, top + ROWS);
    for (let from = 0; from < k; from += DEPTH) {
      const depth = min(k - from, DEPTH);
      const last = from + depth == k;
      const aPiece = a + usize(from / LANES) * aStride;
      for (let panel = 0; panel < panels; panel++) {
        const bPiece = b + usize(panel) * bStride + usize(from) * ROW;
        const cPanel = c + usize(panel) * cStride;
        let r = top;
        while (r < bottom) {
          const take = tileRows(shape, bottom - r);
          const cTile = cPanel + usize(r) * ROW;
          const start = from == 0 ? init + usize(panel) * initStride : cTile;
          const step: usize = from == 0 ? 0 : ROW;
          tile<Normal>(shape, take, cTile, aPiece + usize(r) * ROW, bPiece, depth, aStride - ROW, start, step);
          if (last) finish(activation, cTile, take);
          r += take;
        }
      }
    }
  }
}

/** y = f(x·W + b) for `rows` rows and all `panels` panels of W. */
export function linear(
  y: usize, yStride: usize, x: usize, xStride: usize, w: usize,
  rows: i32, panels: i32, k: i32, activation: i32, shape: i32,
): void {
  const bias = usize(k) * ROW;
  const wStride = bias + ROW;
  product(y, yStride, x, xStride, w, wStride, w + bias, wStride, rows, panels, k, activation, shape);
}

/**
 * dxᵀ = W·dyᵀ for `blocks` blocks of 16 rows of the batch: dyT is [blocks][n][16], dxT [blocks][k][16], each block
 * `…Stride` bytes. Rows of dxT past k are zero.
 */
export function linearBackwardInput(
  dxT: usize, dxStride: usize, dyT: usize, dyStride: usize, w: usize, blocks: i32, k: i32, n: i32, shape: i32,
): void {
  const wStride = usize(k + 1) * ROW;
  product(dxT, dxStride, w, wStride, dyT, dyStride, ZEROS, 0, k, blocks, n, NONE, shape);
  const padding = usize(-k & (LANES - 1)) * ROW;
  for (let block = 0; block < blocks; block++) {
    memory.fill(dxT + usize(k) * ROW, 0, padding);
    dxT += dxStride;
  }
}

/** Blocks of 16 rows in a weight panel; the last also has the bias. */
// @ts-ignore: decorator
@inline
export function blocksOf(k: i32): i32 {
  return (k + LANES - 1) / LANES;
}

/** Sums the rows of a panel. */
export function sumRows(out: usize, panel: usize, rows: i32): void {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  do {
    s0 = f32x4.add(s0, v128.load(panel));
    s1 = f32x4.add(s1, v128.load(panel, 16));
    s2 = f32x4.add(s2, v128.load(panel, 32));
    s3 = f32x4.add(s3, v128.load(panel, 48));
    panel += ROW;
  } while (--rows);
  storeRow(out, s0, s1, s2, s3);
}

/** Computes one block of 16 rows of [dW; db] = [xᵀ·dy; Σ dy]. Returns its number of rows. */
function gradientBlock(
  dw: usize, x: usize, xStride: usize, dyPanel: usize, batch: i32, k: i32, block: i32, shape: i32,
): i32 {
  const rows = min(LANES, k - block * LANES);
  const columns = x + usize(block) * xStride;
  let r = 0;
  while (r < rows) {
    const take = tileRows(shape, rows - r);
    tile<Transposed>(shape, take, dw + usize(r) * ROW, columns + usize(r) * 4, dyPanel, batch, 0, ZEROS, 0);
    r += take;
  }
  if (block < blocksOf(k) - 1) return rows;
  sumRows(dw + usize(rows) * ROW, dyPanel, batch);
  return rows + 1;
}

/** [dW; db] = [xᵀ·dy; Σ dy] over `batch` rows and all `panels` panels of W; dw has the layout of the weights. */
export function linearBackwardWeight(
  dw: usize, x: usize, xStride: usize, dy: usize, dyStride: usize,
  batch: i32, panels: i32, k: i32, shape: i32,
): void {
  for (let panel = 0; panel < panels; panel++) {
    for (let block = 0; block < blocksOf(k); block++) {
      const to = dw + usize(panel * (k + 1) + block * LANES) * ROW;
      gradientBlock(to, x, xStride, dy + usize(panel) * dyStride, batch, k, block, shape);
    }
  }
}

/**
 * Updates the weights with that gradient by Adam, block by block, while a block is in the L1 cache. w, m and v have one
 * layout; `gradient` is room for 17 rows; `adam` points to the step's coefficients (adam.ts).
 */
export function linearUpdate(
  w: usize, m: usize, v: usize, x: usize, xStride: usize, dy: usize, dyStride: usize,
  batch: i32, k: i32, first: i32, last: i32, gradient: usize, adam: usize, shape: i32,
): void {
  const blocks = blocksOf(k);
  for (let i = first; i < last; i++) {
    const panel = i / blocks;
    const block = i - panel * blocks;
    const offset = usize(panel * (k + 1) + block * LANES) * ROW;
    const dyPanel = dy + usize(panel) * dyStride;
    const rows = gradientBlock(gradient, x, xStride, dyPanel, batch, k, block, shape);
    adamRows(w + offset, m + offset, v + offset, gradient, rows, adam);
  }
}
