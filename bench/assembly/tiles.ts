// @ts-nocheck AssemblyScript: the bench compiles it for itself (assemble.ts)
// biome-ignore-all lint/style/useImportType: AssemblyScript has no imports of types only

import { Normal, Transposed, tile } from "../../assembly/tile";

/** The same tile `times` times: A, B and C stay in the first-level cache. Rows of A are 64 bytes apart. */
export function normal(
  shape: i32,
  rows: i32,
  c: usize,
  a: usize,
  b: usize,
  k: i32,
  panel: usize,
  init: usize,
  times: i32,
): void {
  do {
    tile<Normal>(shape, rows, c, a, b, k, panel, init, 0);
  } while (--times);
}

/** The same with neighbouring columns of A as the tile's rows. */
export function transposed(
  shape: i32,
  rows: i32,
  c: usize,
  a: usize,
  b: usize,
  k: i32,
  panel: usize,
  init: usize,
  times: i32,
): void {
  do {
    tile<Transposed>(shape, rows, c, a, b, k, panel, init, 0);
  } while (--times);
}
