// The reconstruction term of the ELBO, −log p(x|z), and its gradient with respect to the decoder's output
// (Kingma & Welling 2013, appendix C).
//
// `out` (the decoder's linear output) and x are panels with one stride. `loss` receives one float64 a row, in nats.
// out is overwritten by the gradient. `scratch` is room for 2·rows rows of 16.

import { expOfMinusAbs4, log4, one } from "./math";
import { LANES, madd, maskOf, nmadd, ROW, sum4 } from "./simd";

/** A product of so many factors in (1, 2] stays a finite float32. */
const FACTORS = 120;

/** Folds log ∏(1 + e) into the linear sum and starts the product again. */
function foldProducts(linear: usize, product: usize, rows: i32): void {
  for (let i: usize = 0, end = usize(rows) * ROW; i < end; i += 16) {
    v128.store(linear + i, f32x4.add(v128.load(linear + i), log4(v128.load(product + i))));
    v128.store(product + i, one());
  }
}

/** The sum of each row's 16 lanes. */
function sumLanes(loss: usize, lanes: usize, rows: i32): void {
  do {
    const low = sum4(v128.load(lanes)) + sum4(v128.load(lanes, 16));
    const high = sum4(v128.load(lanes, 32)) + sum4(v128.load(lanes, 48));
    store<f64>(loss, low + high);
    lanes += ROW;
    loss += sizeof<f64>();
  } while (--rows);
}

/**
 * Bernoulli likelihood from logits: Σ max(s, 0) − s·x + log(1 + e), e = exp(−|s|); the gradient is σ(s) − x.
 * The logarithms of a row are taken once, of the product of all (1 + e), each of which lies in (1, 2].
 */
export function bernoulli(
  loss: usize,
  out: usize,
  x: usize,
  stride: usize,
  rows: i32,
  columns: i32,
  scratch: usize,
): void {
  const bytes = usize(rows) * ROW;
  const linear = scratch;
  const product = scratch + bytes;
  const zero = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(linear + i, zero);
    v128.store(product + i, one());
  }
  let factors = 0;
  for (let left = columns; left > 0; left -= LANES) {
    const mask = maskOf(left);
    for (let i: usize = 0; i < bytes; i += 16) {
      const valid = v128.load(mask + (i & (ROW - 1)));
      const s = v128.load(out + i);
      const target = v128.load(x + i);
      const e = v128.and(expOfMinusAbs4(s), valid);
      const factor = f32x4.add(e, one());
      const inverse = f32x4.div(one(), factor);
      const sigma = v128.bitselect(f32x4.mul(e, inverse), inverse, f32x4.lt(s, zero));
      v128.store(out + i, v128.and(f32x4.sub(sigma, target), valid));
      const straight = nmadd(s, target, f32x4.pmax(s, zero));
      v128.store(linear + i, f32x4.add(v128.load(linear + i), straight));
      v128.store(product + i, f32x4.mul(v128.load(product + i), factor));
    }
    if (++factors == FACTORS) {
      foldProducts(linear, product, rows);
      factors = 0;
    }
    out += stride;
    x += stride;
  }
  foldProducts(linear, product, rows);
  sumLanes(loss, linear, rows);
}

/** Gaussian likelihood of unit variance: ½‖x − x̂‖² without its constant ½·D·log 2π; the gradient is x̂ − x. */
export function gaussian(
  loss: usize,
  out: usize,
  x: usize,
  stride: usize,
  rows: i32,
  columns: i32,
  scratch: usize,
): void {
  const bytes = usize(rows) * ROW;
  memory.fill(scratch, 0, bytes);
  for (let left = columns; left > 0; left -= LANES) {
    for (let i: usize = 0; i < bytes; i += 16) {
      const difference = f32x4.sub(v128.load(out + i), v128.load(x + i));
      v128.store(out + i, difference);
      const halved = f32x4.mul(difference, f32x4.splat(0.5));
      v128.store(scratch + i, madd(halved, difference, v128.load(scratch + i)));
    }
    out += stride;
    x += stride;
  }
  sumLanes(loss, scratch, rows);
}

/** σ(s) in place: the mean of the Bernoulli likelihood. */
export function sigmoid(out: usize, stride: usize, rows: i32, panels: i32): void {
  const zero = f32x4.splat(0);
  for (let panel = 0; panel < panels; panel++) {
    for (let i: usize = 0, end = usize(rows) * ROW; i < end; i += 16) {
      const s = v128.load(out + i);
      const e = expOfMinusAbs4(s);
      const inverse = f32x4.div(one(), f32x4.add(e, one()));
      v128.store(out + i, v128.bitselect(f32x4.mul(e, inverse), inverse, f32x4.lt(s, zero)));
    }
    out += stride;
  }
}
