// The reconstruction term of the ELBO, −log p(x|z), and its gradient with respect to the decoder's output
// (Kingma & Welling 2013, appendix C).
//
// out (the decoder's linear output) and x are panels (rows, columns) with one stride; loss is (rows) in float64, in
// nats; `scratch` is room for 2·rows rows of 16. The gradient, each row times its weight in weights (rows), overwrites
// out; the kernels …Loss leave out as it is. The loss is unweighted.

import { LANES } from "../src/wasm/layout";
import { expOfMinusAbs4, half, log4, one, sigmoid4 } from "./math";
import { madd, maskOf, nmadd, ROW, sum4, weightOfRow } from "./simd";

/** Factors in (1, 2] whose product is certainly a finite float32. */
const FACTORS = 120;

/** Adds log ∏(1 + e) to the linear sum and resets the product. */
function foldProducts(linear: usize, product: usize, rows: i32): void {
  for (let i: usize = 0, end = usize(rows) * ROW; i < end; i += 16) {
    v128.store(linear + i, f32x4.add(v128.load(linear + i), log4(v128.load(product + i))));
    v128.store(product + i, one());
  }
}

/** Starts the products of `rows` rows at one. */
function startProducts(product: usize, rows: i32): void {
  for (let i: usize = 0, end = usize(rows) * ROW; i < end; i += 16) v128.store(product + i, one());
}

/** Sums the 16 lanes of each row. */
function sumLanes(loss: usize, lanes: usize, rows: i32): void {
  do {
    const low = sum4(v128.load(lanes)) + sum4(v128.load(lanes, 16));
    const high = sum4(v128.load(lanes, 32)) + sum4(v128.load(lanes, 48));
    store<f64>(loss, low + high);
    lanes += ROW;
    loss += sizeof<f64>();
  } while (--rows);
}

/** What a kernel computes, as a type. */
class Loss {}
class LossAndGradient {}

/**
 * Bernoulli likelihood from logits: Σ max(s, 0) − s·x + log(1 + e), e = exp(−|s|); the gradient is σ(s) − x.
 * One logarithm of the product ∏(1 + e) replaces a logarithm per element.
 */
// @ts-ignore: decorator
@inline
function bernoulliOf<Output>(
  loss: usize, out: usize, x: usize, stride: usize, rows: i32, columns: i32, scratch: usize, weights: usize,
): void {
  const bytes = usize(rows) * ROW;
  const linear = scratch;
  const product = scratch + bytes;
  const zero = f32x4.splat(0);
  memory.fill(linear, 0, bytes);
  startProducts(product, rows);
  let factors = 0;
  for (let left = columns; left > 0; left -= LANES) {
    const mask = maskOf(left);
    for (let i: usize = 0; i < bytes; i += 32) {
      const lanes = mask + (i & (ROW - 1));
      const valid0 = v128.load(lanes), valid1 = v128.load(lanes, 16);
      const s0 = v128.load(out + i), s1 = v128.load(out + i, 16);
      const x0 = v128.load(x + i), x1 = v128.load(x + i, 16);
      const e0 = v128.and(expOfMinusAbs4(s0), valid0), e1 = v128.and(expOfMinusAbs4(s1), valid1);
      const factor0 = f32x4.add(e0, one()), factor1 = f32x4.add(e1, one());
      const linear0 = f32x4.add(v128.load(linear + i), nmadd(s0, x0, f32x4.pmax(s0, zero)));
      const linear1 = f32x4.add(v128.load(linear + i, 16), nmadd(s1, x1, f32x4.pmax(s1, zero)));
      const product0 = f32x4.mul(v128.load(product + i), factor0);
      const product1 = f32x4.mul(v128.load(product + i, 16), factor1);
      if (idof<Output>() == idof<LossAndGradient>()) {
        const weight = weightOfRow(weights, i);
        const gradient0 = f32x4.mul(f32x4.sub(sigmoid4(s0, e0, factor0), x0), weight);
        const gradient1 = f32x4.mul(f32x4.sub(sigmoid4(s1, e1, factor1), x1), weight);
        v128.store(out + i, v128.and(gradient1, valid1), 16);
        v128.store(out + i, v128.and(gradient0, valid0));
      }
      v128.store(linear + i, linear1, 16);
      v128.store(linear + i, linear0);
      v128.store(product + i, product1, 16);
      v128.store(product + i, product0);
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

export function bernoulli(
  loss: usize, out: usize, x: usize, stride: usize, rows: i32, columns: i32, scratch: usize, weights: usize,
): void {
  bernoulliOf<LossAndGradient>(loss, out, x, stride, rows, columns, scratch, weights);
}

export function bernoulliLoss(
  loss: usize, out: usize, x: usize, stride: usize, rows: i32, columns: i32, scratch: usize,
): void {
  bernoulliOf<Loss>(loss, out, x, stride, rows, columns, scratch, 0);
}

/** Gaussian likelihood of unit variance: ½‖x − x̂‖² without its constant ½·D·log 2π; the gradient is x̂ − x. */
// @ts-ignore: decorator
@inline
function gaussianOf<Output>(
  loss: usize, out: usize, x: usize, stride: usize, rows: i32, columns: i32, scratch: usize, weights: usize,
): void {
  const bytes = usize(rows) * ROW;
  memory.fill(scratch, 0, bytes);
  for (let left = columns; left > 0; left -= LANES) {
    for (let i: usize = 0; i < bytes; i += 32) {
      const d0 = f32x4.sub(v128.load(out + i), v128.load(x + i));
      const d1 = f32x4.sub(v128.load(out + i, 16), v128.load(x + i, 16));
      const sum0 = madd(f32x4.mul(d0, half()), d0, v128.load(scratch + i));
      const sum1 = madd(f32x4.mul(d1, half()), d1, v128.load(scratch + i, 16));
      if (idof<Output>() == idof<LossAndGradient>()) {
        const weight = weightOfRow(weights, i);
        v128.store(out + i, f32x4.mul(d1, weight), 16);
        v128.store(out + i, f32x4.mul(d0, weight));
      }
      v128.store(scratch + i, sum1, 16);
      v128.store(scratch + i, sum0);
    }
    out += stride;
    x += stride;
  }
  sumLanes(loss, scratch, rows);
}

export function gaussian(
  loss: usize, out: usize, x: usize, stride: usize, rows: i32, columns: i32, scratch: usize, weights: usize,
): void {
  gaussianOf<LossAndGradient>(loss, out, x, stride, rows, columns, scratch, weights);
}

export function gaussianLoss(
  loss: usize, out: usize, x: usize, stride: usize, rows: i32, columns: i32, scratch: usize,
): void {
  gaussianOf<Loss>(loss, out, x, stride, rows, columns, scratch, 0);
}

/** σ(s) in place: the mean of the Bernoulli likelihood. */
export function sigmoid(out: usize, stride: usize, rows: i32, panels: i32): void {
  for (let panel = 0; panel < panels; panel++) {
    for (let i: usize = 0, end = usize(rows) * ROW; i < end; i += 16) {
      const s = v128.load(out + i);
      const e = expOfMinusAbs4(s);
      v128.store(out + i, sigmoid4(s, e, f32x4.add(e, one())));
    }
    out += stride;
  }
}
