// A dense layer, forward and backward: y = f(x·W + b).
//
//   x is (rows, k), y and dy are (rows, n), W is (k, n); all are panels of 16 columns.
//   A weight panel has k + 1 rows: the bias stands under the weights, so one stride, one update and one file index
//   serve both.
//   `…T` is a matrix of 16 rows of the batch laid across the lanes: [blocks of 16 rows][n][16] (see transpose.ts).
//
// Strides are bytes from one panel to the next.

import { LANES, NONE, RELU, TANH } from "../src/wasm/layout";
import { relu, tanhActivation } from "./activation";
import { adamRows } from "./adam";
import { ROW, storeRow } from "./simd";
import { Normal, Transposed, tile, tileRows } from "./tile";

/** A row of zeros, where a sum without a bias starts. */
export const ZEROS = memory.data(64, 64);

/**
 * How much of a product is worked on at a time: `DEPTH` of k, so that a piece of a panel of B (25 KiB) and of a tile's A
 * (10 KiB) stay in the first-level cache, and `ROWS` rows of C, so that their piece of A stays in the second.
 */
const DEPTH = 400;
const ROWS = 96;

/**
 * C = init + A·B in pieces; a sum that is interrupted goes on from C, which changes no bit. A is read by rows. `finish`
 * is the activation that a finished tile gets.
 */
// @ts-ignore: decorator
@inline
function product(
  c: usize,
  cStride: usize,
  a: usize,
  aStride: usize,
  b: usize,
  bStride: usize,
  init: usize,
  initStride: usize,
  rows: i32,
  panels: i32,
  k: i32,
  finish: i32,
  shape: i32,
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
          if (last) {
            if (finish == RELU) relu(cTile, take);
            else if (finish == TANH) tanhActivation(cTile, take);
          }
          r += take;
        }
      }
    }
  }
}

/** y = f(x·W + b) for `rows` rows and all `panels` panels of W. */
export function linear(
  y: usize,
  yStride: usize,
  x: usize,
  xStride: usize,
  w: usize,
  rows: i32,
  panels: i32,
  k: i32,
  activation: i32,
  shape: i32,
): void {
  const bias = usize(k) * ROW;
  const wStride = bias + ROW;
  product(y, yStride, x, xStride, w, wStride, w + bias, wStride, rows, panels, k, activation, shape);
}

/**
 * dxᵀ = W·dyᵀ for `blocks` blocks of 16 rows of the batch: dyT is [blocks][n][16], dxT [blocks][k][16], each block
 * `…Stride` bytes. Rows of dxT that pad k to a whole panel become zeros.
 */
export function linearBackwardInput(
  dxT: usize,
  dxStride: usize,
  dyT: usize,
  dyStride: usize,
  w: usize,
  blocks: i32,
  k: i32,
  n: i32,
  shape: i32,
): void {
  const wStride = usize(k + 1) * ROW;
  product(dxT, dxStride, w, wStride, dyT, dyStride, ZEROS, 0, k, blocks, n, NONE, shape);
  const padding = usize(-k & (LANES - 1)) * ROW;
  for (let block = 0; block < blocks; block++) {
    memory.fill(dxT + usize(k) * ROW, 0, padding);
    dxT += dxStride;
  }
}

/** How many blocks of 16 rows the weights of k inputs have; the bias goes with the last. */
// @ts-ignore: decorator
@inline
export function blocksOf(k: i32): i32 {
  return (k + LANES - 1) / LANES;
}

/** The sum of a panel's `rows` rows. */
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

/** One block of [dW; db] = [xᵀ·dy; Σ dy], summed over the whole batch in order. Gives the number of its rows. */
// @ts-ignore: decorator
@inline
function gradientBlock(
  dw: usize,
  x: usize,
  xStride: usize,
  dyPanel: usize,
  batch: i32,
  k: i32,
  block: i32,
  shape: i32,
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

/**
 * [dW; db] = [xᵀ·dy; Σ dy] over `batch` rows, for the weight blocks first ≤ i < last, counted panel by panel; dw is
 * laid out as the weights are.
 */
export function linearBackwardWeight(
  dw: usize,
  x: usize,
  xStride: usize,
  dy: usize,
  dyStride: usize,
  batch: i32,
  k: i32,
  first: i32,
  last: i32,
  shape: i32,
): void {
  const blocks = blocksOf(k);
  for (let i = first; i < last; i++) {
    const panel = i / blocks;
    const block = i - panel * blocks;
    const offset = usize(panel * (k + 1) + block * LANES) * ROW;
    gradientBlock(dw + offset, x, xStride, dy + usize(panel) * dyStride, batch, k, block, shape);
  }
}

/**
 * The same gradient and at once Adam's update with it, block by block, while the gradient is in the first-level
 * cache. `gradient` is room for 17 rows; w, m and v are laid
 * out alike; `adam` points to the coefficients of the step (adam.ts).
 */
export function linearUpdate(
  w: usize,
  m: usize,
  v: usize,
  x: usize,
  xStride: usize,
  dy: usize,
  dyStride: usize,
  batch: i32,
  k: i32,
  first: i32,
  last: i32,
  gradient: usize,
  adam: usize,
  shape: i32,
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
