// Elementary functions on four float32 at once, made of operations that every engine rounds alike, so that they give
// the same bits everywhere (JavaScript's own Math does not promise that). The greatest errors stand in the tests.
//
// Constants are loaded from a table: a vector constant in the code would be built anew wherever it is used.
// The polynomials are those of the Cephes library (S. L. Moshier, netlib.org/cephes, single precision).

import { madd, nmadd } from "./simd";

const TABLE = memory.data<f32>([
  // exp: 0 log2(e), 1–2 ln 2 in two parts, 3–8 the polynomial, 9 greatest and 10 least argument, 11 the rounding bias
  1.44269504088896341, 0.693359375, -2.12194440e-4, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
  4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 89.0, -104.0, 12582912.0,
  // tanh: 12–16 the polynomial, 17 where it ends
  -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1, 0.625,
  // log: 18–26 the polynomial, 27 √½
  7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1, 0.707106781186547524,
  // sin and cos: 28–30 and 31–33 the polynomials, 34 π/2
  -1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1, 2.443315711809948e-5, -1.388731625493765e-3,
  4.166664568298827e-2, 1.57079632679489662,
  // 35 one half, 36 one, 37 two, 38 four, 39 the exponential's least normal argument
  0.5, 1.0, 2.0, 4.0, -87.0,
]);

// @ts-ignore: decorator
@inline
function constant(index: usize): v128 {
  return v128.load32_splat(TABLE + index * 4);
}

// @ts-ignore: decorator
@inline
export function half(): v128 {
  return constant(35);
}

// @ts-ignore: decorator
@inline
export function one(): v128 {
  return constant(36);
}

/** exp(r) for |r| ≤ ½·ln 2. */
// @ts-ignore: decorator
@inline
function expReduced(r: v128): v128 {
  let p = madd(constant(3), r, constant(4));
  p = madd(p, r, constant(5));
  p = madd(p, r, constant(6));
  p = madd(p, r, constant(7));
  p = madd(p, r, constant(8));
  return f32x4.add(madd(p, f32x4.mul(r, r), r), one());
}

/** x − n·ln 2, with ln 2 in two parts so that the first product is exact. */
// @ts-ignore: decorator
@inline
function reduce(x: v128, n: v128): v128 {
  return nmadd(n, constant(2), nmadd(n, constant(1), x));
}

/** 2ⁿ for integers n of normal results, as float32. */
// @ts-ignore: decorator
@inline
function power2(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/**
 * exp(x) = 2ⁿ·exp(r), n = round(x/ln 2). Overflow gives ∞, underflow 0, NaN stays NaN. The scaling is done in two
 * halves so that neither leaves the range of exponents.
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const clamped = f32x4.pmax(f32x4.pmin(x, constant(9)), constant(10));
  const biased = madd(clamped, constant(0), constant(11));
  const n = i32x4.sub(biased, constant(11));
  const first = i32x4.shr_s(n, 1);
  const r = reduce(clamped, f32x4.sub(biased, constant(11)));
  return f32x4.mul(f32x4.mul(expReduced(r), power2(first)), power2(i32x4.sub(n, first)));
}

/** exp(−|x|), which is in [0, 1]; below e⁻⁸⁷ it stays there, which no sum with 1 can see. NaN stays NaN. */
// @ts-ignore: decorator
@inline
export function expOfMinusAbs4(x: v128): v128 {
  const clamped = f32x4.pmax(f32x4.neg(f32x4.abs(x)), constant(39));
  const biased = madd(clamped, constant(0), constant(11));
  const r = reduce(clamped, f32x4.sub(biased, constant(11)));
  return f32x4.mul(expReduced(r), power2(i32x4.sub(biased, constant(11))));
}

/** tanh(x): an odd polynomial near zero, 1 − 2/(exp(2|x|) + 1) with the sign of x beyond. */
// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const magnitude = f32x4.abs(x);
  const square = f32x4.mul(x, x);
  let p = madd(constant(12), square, constant(13));
  p = madd(p, square, constant(14));
  p = madd(p, square, constant(15));
  p = madd(p, square, constant(16));
  const near = madd(f32x4.mul(p, square), x, x);
  const e = exp4(f32x4.add(magnitude, magnitude));
  const far = f32x4.sub(one(), f32x4.div(constant(37), f32x4.add(e, one())));
  const signed = v128.or(far, v128.and(x, f32x4.splat(-0.0)));
  return v128.bitselect(near, signed, f32x4.lt(magnitude, constant(17)));
}

/** log(x) for normal x > 0: x = m·2ᵉ with m in [√½, √2). NaN and ∞ are not handled: see where it is called. */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  let e = i32x4.sub(i32x4.shr_u(x, 23), i32x4.splat(126));
  let m = v128.or(v128.and(x, i32x4.splat(0x007fffff)), half());
  const small = f32x4.lt(m, constant(27));
  e = i32x4.add(e, small); // the mask is −1
  m = f32x4.add(m, v128.and(m, small));
  const f = f32x4.sub(m, one());
  const square = f32x4.mul(f, f);
  let p = madd(constant(18), f, constant(19));
  p = madd(p, f, constant(20));
  p = madd(p, f, constant(21));
  p = madd(p, f, constant(22));
  p = madd(p, f, constant(23));
  p = madd(p, f, constant(24));
  p = madd(p, f, constant(25));
  p = madd(p, f, constant(26));
  const exponent = f32x4.convert_i32x4_s(e);
  let y = f32x4.mul(f32x4.mul(p, f), square);
  y = madd(exponent, constant(2), y);
  y = nmadd(square, half(), y);
  return madd(exponent, constant(1), f32x4.add(f, y));
}

/**
 * cos(2πu) for u in [0, 1); sin(2πu) is cos(2π(u − ¼)), so `quarters` = 1 asks for it. The quadrant and what is left of
 * it are exact, since u has 24 bits.
 */
// @ts-ignore: decorator
@inline
export function cosTurn4(u: v128, quarters: i32): v128 {
  const turns = f32x4.mul(u, constant(38));
  const nearest = f32x4.nearest(turns);
  const angle = f32x4.mul(f32x4.sub(turns, nearest), constant(34));
  const quadrant = i32x4.sub(i32x4.trunc_sat_f32x4_s(nearest), i32x4.splat(quarters));
  const square = f32x4.mul(angle, angle);
  let s = madd(constant(28), square, constant(29));
  s = madd(s, square, constant(30));
  s = madd(f32x4.mul(s, square), angle, angle);
  let c = madd(constant(31), square, constant(32));
  c = madd(c, square, constant(33));
  c = madd(f32x4.mul(c, square), square, nmadd(square, half(), one()));
  // cos(angle + quadrant·π/2) is cos, −sin, −cos, sin in turn
  const odd = i32x4.ne(v128.and(quadrant, i32x4.splat(1)), i32x4.splat(0));
  const negative = i32x4.shl(v128.and(i32x4.add(quadrant, i32x4.splat(1)), i32x4.splat(2)), 30);
  return v128.xor(v128.bitselect(s, c, odd), negative);
}
