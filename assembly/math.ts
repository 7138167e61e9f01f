// Elementary functions on four float32, built from operations that every engine rounds alike, so that results are
// bitwise reproducible (those of JavaScript's Math are not). The tests state the greatest errors.
//
// Constants are loaded from memory and broadcast, because V8 rebuilds a vector literal wherever it is used.
// The polynomials are those of the Cephes library (S. L. Moshier, netlib.org/cephes, single precision).

import { madd, nmadd } from "./simd";

const HALF = memory.data<f32>([0.5], 4);
const ONE = memory.data<f32>([1], 4);
const TWO = memory.data<f32>([2], 4);
const FOUR = memory.data<f32>([4], 4);
const HALF_PI = memory.data<f32>([1.57079632679489662], 4);
const SQRT_HALF = memory.data<f32>([0.707106781186547524], 4);
const LOG2_E = memory.data<f32>([1.44269504088896341], 4);
/** ln 2 in two parts: integers times the first are exact. */
const LN2_HIGH = memory.data<f32>([0.693359375], 4);
const LN2_LOW = memory.data<f32>([-2.12194440e-4], 4);
/** 1.5·2²³: adding it leaves the nearest integer in the low bits. */
const ROUND = memory.data<f32>([12582912], 4);
/** Arguments of exp beyond which it is ∞ or 0, and the least of exp(−|x|), whose result is normal. */
const EXP_GREATEST = memory.data<f32>([89], 4);
const EXP_LEAST = memory.data<f32>([-104], 4);
const EXP_LEAST_NORMAL = memory.data<f32>([-87], 4);
/** Where tanh's polynomial ends. */
const TANH_NEAR = memory.data<f32>([0.625], 4);

/** Polynomials, highest power first. */
const EXP = memory.data<f32>([
  1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
]);
const TANH = memory.data<f32>([
  -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1,
]);
const LOG = memory.data<f32>([
  7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
]);
const SIN = memory.data<f32>([-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]);
const COS = memory.data<f32>([2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]);

/** A constant in every lane; of a polynomial, the coefficient at `index`. */
// @ts-ignore: decorator
@inline
function constant(at: usize, index: usize = 0): v128 {
  return v128.load32_splat(at + index * 4);
}

// @ts-ignore: decorator
@inline
export function half(): v128 {
  return constant(HALF);
}

// @ts-ignore: decorator
@inline
export function one(): v128 {
  return constant(ONE);
}

/** exp(r) for |r| ≤ ½·ln 2. */
// @ts-ignore: decorator
@inline
function expReduced(r: v128): v128 {
  let p = madd(constant(EXP, 0), r, constant(EXP, 1));
  p = madd(p, r, constant(EXP, 2));
  p = madd(p, r, constant(EXP, 3));
  p = madd(p, r, constant(EXP, 4));
  p = madd(p, r, constant(EXP, 5));
  return f32x4.add(madd(p, f32x4.mul(r, r), r), one());
}

/** x − n·ln 2, with ln 2 in two parts so that the first product is exact. */
// @ts-ignore: decorator
@inline
function reduce(x: v128, n: v128): v128 {
  return nmadd(n, constant(LN2_LOW), nmadd(n, constant(LN2_HIGH), x));
}

/** 2ⁿ as float32, for integers −126 ≤ n ≤ 127. */
// @ts-ignore: decorator
@inline
function power2(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/**
 * exp(x) = 2ⁿ·exp(r), n = round(x/ln 2). Overflow gives ∞, underflow 0, NaN stays NaN. 2ⁿ is applied in two factors, so
 * that neither leaves the range of exponents.
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const clamped = f32x4.pmax(f32x4.pmin(x, constant(EXP_GREATEST)), constant(EXP_LEAST));
  const biased = madd(clamped, constant(LOG2_E), constant(ROUND));
  const n = i32x4.sub(biased, constant(ROUND));
  const first = i32x4.shr_s(n, 1);
  const r = reduce(clamped, f32x4.sub(biased, constant(ROUND)));
  return f32x4.mul(f32x4.mul(expReduced(r), power2(first)), power2(i32x4.sub(n, first)));
}

/** exp(−|x|), clamped below at e⁻⁸⁷, which adding 1 hides. NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function expOfMinusAbs4(x: v128): v128 {
  const clamped = f32x4.pmax(f32x4.neg(f32x4.abs(x)), constant(EXP_LEAST_NORMAL));
  const biased = madd(clamped, constant(LOG2_E), constant(ROUND));
  const r = reduce(clamped, f32x4.sub(biased, constant(ROUND)));
  return f32x4.mul(expReduced(r), power2(i32x4.sub(biased, constant(ROUND))));
}

/** σ(s) from e = exp(−|s|) and 1 + e: 1/(1 + e) where s ≥ 0, e/(1 + e) where s < 0. */
// @ts-ignore: decorator
@inline
export function sigmoid4(s: v128, e: v128, onePlusE: v128): v128 {
  const numerator = v128.bitselect(e, one(), f32x4.lt(s, f32x4.splat(0)));
  return f32x4.div(numerator, onePlusE);
}

/** silu(x) = x·σ(x) (Elfwing, Uchibe & Doya 2017), clamped below −87 at −1.4e-36. NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function silu4(x: v128): v128 {
  const e = expOfMinusAbs4(x);
  return f32x4.mul(f32x4.pmax(x, constant(EXP_LEAST_NORMAL)), sigmoid4(x, e, f32x4.add(e, one())));
}

/**
 * silu′(x) = σ(x)·(1 + x·(1 − σ(x))), with σ(−x) for 1 − σ(x), which would cancel. x is clamped because σ is: the
 * product of a huge x and the least σ is not 0. NaN stays NaN.
 */
// @ts-ignore: decorator
@inline
export function siluSlope4(x: v128): v128 {
  const clamped = f32x4.pmin(f32x4.pmax(x, constant(EXP_LEAST_NORMAL)), constant(EXP_GREATEST));
  const e = expOfMinusAbs4(clamped);
  const onePlusE = f32x4.add(e, one());
  const complement = sigmoid4(f32x4.neg(clamped), e, onePlusE);
  return f32x4.mul(sigmoid4(clamped, e, onePlusE), madd(clamped, complement, one()));
}

/** tanh(x): an odd polynomial near zero, 1 − 2/(exp(2|x|) + 1) with the sign of x beyond. */
// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const magnitude = f32x4.abs(x);
  const square = f32x4.mul(x, x);
  let p = madd(constant(TANH, 0), square, constant(TANH, 1));
  p = madd(p, square, constant(TANH, 2));
  p = madd(p, square, constant(TANH, 3));
  p = madd(p, square, constant(TANH, 4));
  const near = madd(f32x4.mul(p, square), x, x);
  const e = exp4(f32x4.add(magnitude, magnitude));
  const far = f32x4.sub(one(), f32x4.div(constant(TWO), f32x4.add(e, one())));
  const signed = v128.or(far, v128.and(x, f32x4.splat(-0.0)));
  return v128.bitselect(near, signed, f32x4.lt(magnitude, constant(TANH_NEAR)));
}

/** log(x) for normal x > 0: x = m·2ᵉ with m in [√½, √2). NaN and ∞ are not handled. */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  let e = i32x4.sub(i32x4.shr_u(x, 23), i32x4.splat(126));
  let m = v128.or(v128.and(x, i32x4.splat(0x007fffff)), half());
  const small = f32x4.lt(m, constant(SQRT_HALF));
  e = i32x4.add(e, small); // the mask is −1
  m = f32x4.add(m, v128.and(m, small));
  const f = f32x4.sub(m, one());
  const square = f32x4.mul(f, f);
  let p = madd(constant(LOG, 0), f, constant(LOG, 1));
  p = madd(p, f, constant(LOG, 2));
  p = madd(p, f, constant(LOG, 3));
  p = madd(p, f, constant(LOG, 4));
  p = madd(p, f, constant(LOG, 5));
  p = madd(p, f, constant(LOG, 6));
  p = madd(p, f, constant(LOG, 7));
  p = madd(p, f, constant(LOG, 8));
  const exponent = f32x4.convert_i32x4_s(e);
  let y = f32x4.mul(f32x4.mul(p, f), square);
  y = madd(exponent, constant(LN2_LOW), y);
  y = nmadd(square, half(), y);
  return madd(exponent, constant(LN2_HIGH), f32x4.add(f, y));
}

/**
 * cos(2πu − quarters·π/2) for u in [0, 1), lane by lane, so where `quarters` is 1 it is sin(2πu). The quadrant and the
 * remainder are exact, since u has 24 bits.
 */
// @ts-ignore: decorator
@inline
export function cosTurn4(u: v128, quarters: v128): v128 {
  const turns = f32x4.mul(u, constant(FOUR));
  const nearest = f32x4.nearest(turns);
  const angle = f32x4.mul(f32x4.sub(turns, nearest), constant(HALF_PI));
  const quadrant = i32x4.sub(i32x4.trunc_sat_f32x4_s(nearest), quarters);
  const square = f32x4.mul(angle, angle);
  let s = madd(constant(SIN, 0), square, constant(SIN, 1));
  s = madd(s, square, constant(SIN, 2));
  s = madd(f32x4.mul(s, square), angle, angle);
  let c = madd(constant(COS, 0), square, constant(COS, 1));
  c = madd(c, square, constant(COS, 2));
  c = madd(f32x4.mul(c, square), square, nmadd(square, half(), one()));
  // cos(angle + quadrant·π/2) is cos, −sin, −cos, sin in turn
  const odd = i32x4.ne(v128.and(quadrant, i32x4.splat(1)), i32x4.splat(0));
  const negative = i32x4.shl(v128.and(i32x4.add(quadrant, i32x4.splat(1)), i32x4.splat(2)), 30);
  return v128.xor(v128.bitselect(s, c, odd), negative);
}
