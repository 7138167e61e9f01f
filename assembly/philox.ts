// Philox 4x32-10 (Salmon, Moraes, Dror & Shaw 2011): random numbers as a pure function of a counter and a key. The
// counter is (block of four columns, row, step, purpose), the key is the seed. Four blocks together fill a row of a
// panel.

import { LANES } from "../src/wasm/layout";
import { cosTurn4, log4 } from "./math";
import { madd, maskOf, ROW, storeRow } from "./simd";

const M0: i32 = 0xd2511f53;
const M1: i32 = 0xcd9e8d57;
const W0: i32 = 0x9e3779b9;
const W1: i32 = 0xbb67ae85;

/** Writes four neighbouring blocks of four words: 64 bytes at `out`. */
// @ts-ignore: decorator
@inline
function blocks4(out: usize, block: i32, row: i32, step: i32, purpose: i32, key0: i32, key1: i32): void {
  const m0 = i32x4.splat(M0);
  const m1 = i32x4.splat(M1);
  let c0 = i32x4.add(i32x4.splat(block), i32x4(0, 1, 2, 3));
  let c1 = i32x4.splat(row);
  let c2 = i32x4.splat(step);
  let c3 = i32x4.splat(purpose);
  for (let round = 0; round < 10; round++) {
    const low0 = i64x2.extmul_low_i32x4_u(c0, m0), high0 = i64x2.extmul_high_i32x4_u(c0, m0);
    const low1 = i64x2.extmul_low_i32x4_u(c2, m1), high1 = i64x2.extmul_high_i32x4_u(c2, m1);
    const upper0 = v128.shuffle<i32>(low0, high0, 1, 3, 5, 7);
    const upper1 = v128.shuffle<i32>(low1, high1, 1, 3, 5, 7);
    c0 = v128.xor(v128.xor(upper1, c1), i32x4.splat(key0));
    c1 = v128.shuffle<i32>(low1, high1, 0, 2, 4, 6);
    c2 = v128.xor(v128.xor(upper0, c3), i32x4.splat(key1));
    c3 = v128.shuffle<i32>(low0, high0, 0, 2, 4, 6);
    key0 += W0;
    key1 += W1;
  }
  storeBlocks(out, c0, c1, c2, c3);
}

/** Stores four vectors, each one word of four blocks, block by block: a 4×4 transpose. */
// @ts-ignore: decorator
@inline
function storeBlocks(out: usize, c0: v128, c1: v128, c2: v128, c3: v128): void {
  const low01 = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5), low23 = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5);
  const high01 = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7), high23 = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7);
  const b0 = v128.shuffle<i64>(low01, low23, 0, 2), b1 = v128.shuffle<i64>(low01, low23, 1, 3);
  const b2 = v128.shuffle<i64>(high01, high23, 0, 2), b3 = v128.shuffle<i64>(high01, high23, 1, 3);
  storeRow(out, b0, b1, b2, b3);
}

/** The upper 24 bits of each word as an integer float32: exact. */
// @ts-ignore: decorator
@inline
function upper24(words: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.shr_u(words, 8));
}

/**
 * Two pairs of words to two pairs of normals, by Box and Muller (1958):
 * r = √(−2·ln u₁), u₁ in (0, 1];  r·cos 2πu₂ and r·sin 2πu₂, u₂ in [0, 1).
 */
// @ts-ignore: decorator
@inline
function normals4(words: v128): v128 {
  const unit = f32x4.splat(5.9604644775390625e-8); // 2⁻²⁴
  const upper = upper24(words);
  const first = v128.shuffle<i32>(upper, upper, 0, 0, 2, 2);
  const second = v128.shuffle<i32>(upper, upper, 1, 1, 3, 3);
  const log = log4(f32x4.mul(f32x4.add(first, f32x4.splat(1)), unit));
  const radius = f32x4.sqrt(f32x4.abs(f32x4.mul(log, f32x4.splat(2))));
  return f32x4.mul(radius, cosTurn4(f32x4.mul(second, unit), i32x4(0, 1, 0, 1)));
}

/** Standard normals for rows firstRow, firstRow + 1, …; lanes past `columns` are zero. */
export function philoxNormal(
  out: usize, stride: usize, firstRow: i32, rows: i32, columns: i32, step: i32, purpose: i32, key0: i32, key1: i32,
): void {
  for (let column = 0; column < columns; column += LANES) {
    const mask = maskOf(columns - column);
    for (let r = 0; r < rows; r++) {
      const row = out + usize(r) * ROW;
      blocks4(row, column / 4, firstRow + r, step, purpose, key0, key1);
      for (let i: usize = 0; i < ROW; i += 16) {
        v128.store(row + i, v128.and(normals4(v128.load(row + i)), v128.load(mask + i)));
      }
    }
    out += stride;
  }
}

/** Uniforms in [−bound, bound) for rows 0 ≤ row < rows; lanes past `columns` are zero. */
export function philoxUniform(
  out: usize, stride: usize, rows: i32, columns: i32, bound: f32, step: i32, purpose: i32, key0: i32, key1: i32,
): void {
  const scale = f32x4.splat(bound * 1.1920928955078125e-7); // 2⁻²³
  const shift = f32x4.splat(-bound);
  for (let column = 0; column < columns; column += LANES) {
    const mask = maskOf(columns - column);
    for (let r = 0; r < rows; r++) {
      const row = out + usize(r) * ROW;
      blocks4(row, column / 4, r, step, purpose, key0, key1);
      for (let i: usize = 0; i < ROW; i += 16) {
        const value = madd(upper24(v128.load(row + i)), scale, shift);
        v128.store(row + i, v128.and(value, v128.load(mask + i)));
      }
    }
    out += stride;
  }
}
