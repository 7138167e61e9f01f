// @ts-nocheck AssemblyScript: the bench compiles it for itself (assemble.ts)
// biome-ignore-all lint/style/useImportType: AssemblyScript has no imports of types only

import { Normal, Transposed, tile } from "../../assembly/tile";

/** Where A, B and C of one tile are, and the row that C starts from; all of it fits the first-level cache. */
export const INIT: usize = 4096;
export const C: usize = 8192;
export const A: usize = 16384;
export const B: usize = 32768;

/** The same tile `times` times: A, B and C stay in the cache. */
function repeat<Reading>(shape: i32, rows: i32, k: i32, panel: usize, times: i32): void {
  do {
    tile<Reading>(shape, rows, C, A, B, k, panel, INIT, 0);
  } while (--times);
}

/** Rows of A are 64 bytes apart. */
export function normal(shape: i32, rows: i32, k: i32, times: i32): void {
  repeat<Normal>(shape, rows, k, usize(rows - 1) * 64, times);
}

/** Neighbouring columns of A are the tile's rows. */
export function transposed(shape: i32, rows: i32, k: i32, times: i32): void {
  repeat<Transposed>(shape, rows, k, 0, times);
}
