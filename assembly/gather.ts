// Gathers rows of a dataset into panels: row i of x is row indices[i] of the data. Lanes past `columns` are zero.

import { LANES } from "../src/wasm/layout";
import { ROW } from "./simd";

/** Four integers as float32 divided by 255, like torchvision's ToTensor. */
// @ts-ignore: decorator
@inline
function bytes4(words: v128): v128 {
  return f32x4.div(f32x4.convert_i32x4_u(words), f32x4.splat(255));
}

/** Reads one byte of each cache line of the rows, so that cache misses overlap: no prefetcher predicts random rows. */
function touch(data: usize, indices: usize, rows: i32, bytes: usize): void {
  for (let r = 0; r < rows; r++) {
    const from = data + usize(load<u32>(indices + usize(r) * 4)) * bytes;
    for (let i: usize = 0; i < bytes; i += ROW) load<u8>(from + i);
    load<u8>(from + bytes - 1);
  }
}

/** Gathers rows of bytes as value / 255. */
export function gatherBytes(x: usize, stride: usize, data: usize, indices: usize, rows: i32, columns: i32): void {
  touch(data, indices, rows, usize(columns));
  for (let r = 0; r < rows; r++) {
    let from = data + usize(load<u32>(indices + usize(r) * 4)) * usize(columns);
    let to = x + usize(r) * ROW;
    let left = columns;
    for (; left >= LANES; left -= LANES) {
      const bytes = v128.load(from);
      const low = i16x8.extend_low_i8x16_u(bytes);
      const high = i16x8.extend_high_i8x16_u(bytes);
      v128.store(to, bytes4(i32x4.extend_low_i16x8_u(low)));
      v128.store(to, bytes4(i32x4.extend_high_i16x8_u(low)), 16);
      v128.store(to, bytes4(i32x4.extend_low_i16x8_u(high)), 32);
      v128.store(to, bytes4(i32x4.extend_high_i16x8_u(high)), 48);
      from += usize(LANES);
      to += stride;
    }
    if (left > 0) {
      memory.fill(to, 0, ROW);
      for (let i = 0; i < left; i++) store<f32>(to + usize(i) * 4, f32(load<u8>(from + i)) / 255);
    }
  }
}

/** Gathers rows of float32. */
export function gatherFloats(x: usize, stride: usize, data: usize, indices: usize, rows: i32, columns: i32): void {
  touch(data, indices, rows, usize(columns) * 4);
  for (let r = 0; r < rows; r++) {
    let from = data + usize(load<u32>(indices + usize(r) * 4)) * usize(columns) * 4;
    let to = x + usize(r) * ROW;
    let left = columns;
    for (; left >= LANES; left -= LANES) {
      memory.copy(to, from, ROW);
      from += ROW;
      to += stride;
    }
    if (left > 0) {
      memory.fill(to, 0, ROW);
      memory.copy(to, from, usize(left) * 4);
    }
  }
}
