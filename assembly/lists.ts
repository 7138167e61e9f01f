// Nonzeros of each row or column of a matrix of panels, in compressed (CSR) form, cut into segments: for sparse.ts.
//
// A list has an entry for each nonzero, in order: a u32, the byte offset of its row of B, and the float32 value. Lists
// are `listStride` bytes apart, each with room for LISTED_TOGETHER entries more than whole panels have. `ends` has, for
// each list and `endStride` bytes apart, the u32 byte offsets of its segments: 0, then the end of each. A product works
// on one segment at a time, whose rows of B stay in the L1 cache.

import { ENTRY_BYTES, LANES, LISTED_TOGETHER, SEGMENT } from "../src/wasm/layout";
import { ROW } from "./simd";

export const ENTRY: usize = ENTRY_BYTES;

/** For each mask of four lanes, the swizzle that moves the lanes of the mask to the front; 0x80 gives zero. */
const PICK = memory.data<u32>([
  0x80808080, 0x80808080, 0x80808080, 0x80808080, //
  0x03020100, 0x80808080, 0x80808080, 0x80808080, //
  0x07060504, 0x80808080, 0x80808080, 0x80808080, //
  0x03020100, 0x07060504, 0x80808080, 0x80808080, //
  0x0b0a0908, 0x80808080, 0x80808080, 0x80808080, //
  0x03020100, 0x0b0a0908, 0x80808080, 0x80808080, //
  0x07060504, 0x0b0a0908, 0x80808080, 0x80808080, //
  0x03020100, 0x07060504, 0x0b0a0908, 0x80808080, //
  0x0f0e0d0c, 0x80808080, 0x80808080, 0x80808080, //
  0x03020100, 0x0f0e0d0c, 0x80808080, 0x80808080, //
  0x07060504, 0x0f0e0d0c, 0x80808080, 0x80808080, //
  0x03020100, 0x07060504, 0x0f0e0d0c, 0x80808080, //
  0x0b0a0908, 0x0f0e0d0c, 0x80808080, 0x80808080, //
  0x03020100, 0x0b0a0908, 0x0f0e0d0c, 0x80808080, //
  0x07060504, 0x0b0a0908, 0x0f0e0d0c, 0x80808080, //
  0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c, //
]);

/**
 * Appends the nonzeros of four values, NaN among them. Without a branch: four entries are always written, and the next
 * ones overwrite the surplus. Returns the end of the list.
 */
// @ts-ignore: decorator
@inline
function append4(entry: usize, offsets: v128, values: v128): usize {
  const mask = i32x4.bitmask(f32x4.ne(values, f32x4.splat(0)));
  const pick = v128.load(PICK + usize(mask) * 16);
  const o = i8x16.swizzle(offsets, pick);
  const v = i8x16.swizzle(values, pick);
  v128.store(entry, v128.shuffle<i32>(o, v, 0, 4, 1, 5));
  v128.store(entry, v128.shuffle<i32>(o, v, 2, 6, 3, 7), 16);
  return entry + usize(popcnt(mask)) * ENTRY;
}

/** Offsets of four neighbouring rows of B. */
// @ts-ignore: decorator
@inline
function offsets4(row: i32): v128 {
  return i32x4.add(i32x4.splat(row * i32(ROW)), i32x4(0, i32(ROW), 2 * i32(ROW), 3 * i32(ROW)));
}

/** Segments of a list of `length` places. */
export function segmentsOf(length: i32): i32 {
  return (length + SEGMENT - 1) / SEGMENT;
}

/** Counts the entries of `lists` lists of `length` places. */
export function countEntries(ends: usize, endStride: usize, lists: i32, length: i32): i32 {
  let total: u32 = 0;
  const last = usize(segmentsOf(length)) * 4;
  for (let i = 0; i < lists; i++) {
    total += load<u32>(ends + last);
    ends += endStride;
  }
  return i32(total / u32(ENTRY));
}

/** Lists the nonzeros of each row of x (rows, k): for x·W. */
export function listRows(
  lists: usize, listStride: usize, ends: usize, endStride: usize, x: usize, xStride: usize, rows: i32, k: i32,
): void {
  for (let r = 0; r < rows; r++) {
    let from = x + usize(r) * ROW;
    let entry = lists;
    let end = ends;
    for (let column = 0; column < k; column += LANES) {
      if (column % SEGMENT == 0) {
        store<u32>(end, u32(entry - lists));
        end += 4;
      }
      entry = append4(entry, offsets4(column), v128.load(from));
      entry = append4(entry, offsets4(column + 4), v128.load(from, 16));
      entry = append4(entry, offsets4(column + 8), v128.load(from, 32));
      entry = append4(entry, offsets4(column + 12), v128.load(from, 48));
      from += xStride;
    }
    store<u32>(end, u32(entry - lists));
    lists += listStride;
    ends += endStride;
  }
}

/** Lists the nonzeros of each column first ≤ column < last of x, both multiples of 4: for xᵀ·dy. */
export function listColumns(
  lists: usize, listStride: usize, ends: usize, endStride: usize, x: usize, xStride: usize,
  rows: i32, first: i32, last: i32,
): void {
  for (let column = first; column < last; column += LISTED_TOGETHER) {
    let from = x + usize(column / LANES) * xStride + usize(column % LANES) * 4;
    const list0 = lists + usize(column) * listStride, list1 = list0 + listStride;
    const list2 = list1 + listStride, list3 = list2 + listStride;
    let entry0 = list0, entry1 = list1, entry2 = list2, entry3 = list3;
    let end = ends + usize(column) * endStride;
    for (let r = 0; ; r += 4) {
      if (r % SEGMENT == 0 || r >= rows) {
        store<u32>(end, u32(entry0 - list0));
        store<u32>(end + endStride, u32(entry1 - list1));
        store<u32>(end + 2 * endStride, u32(entry2 - list2));
        store<u32>(end + 3 * endStride, u32(entry3 - list3));
        end += 4;
        if (r >= rows) break;
      }
      const zero = f32x4.splat(0);
      const left = rows - r;
      const r0 = v128.load(from);
      const r1 = left > 1 ? v128.load(from, 64) : zero;
      const r2 = left > 2 ? v128.load(from, 128) : zero;
      const r3 = left > 3 ? v128.load(from, 192) : zero;
      const low01 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5), low23 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5);
      const high01 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7), high23 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
      const offsets = offsets4(r);
      entry0 = append4(entry0, offsets, v128.shuffle<i64>(low01, low23, 0, 2));
      entry1 = append4(entry1, offsets, v128.shuffle<i64>(low01, low23, 1, 3));
      entry2 = append4(entry2, offsets, v128.shuffle<i64>(high01, high23, 0, 2));
      entry3 = append4(entry3, offsets, v128.shuffle<i64>(high01, high23, 1, 3));
      from += 4 * ROW;
    }
  }
}
