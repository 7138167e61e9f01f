import { describe, expect, test } from "vitest";
import { ROW_BYTES } from "../../src/wasm/kernels.ts";
import { GREATEST_ERROR } from "../cases/errors.ts";
import { sigmoid, sigmoidForward } from "../reference/activation.ts";
import {
  bernoulliBackward,
  bernoulliForward,
  gaussianBackward,
  gaussianForward,
} from "../reference/likelihood.ts";
import { gamma, UNIT_ROUNDOFF as u } from "../reference/tolerance.ts";
import { float32, type KernelMemory, openBuilds, type Panels, rowsOf } from "../support/kernel-memory.ts";
import { uniforms } from "../support/uniforms.ts";
import { EDGES } from "./shapes.ts";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

/** Rows of others above those that a kernel is given, and below. */
const MARGIN = 2;

/** Rows by columns: each edge in both places, the width of MNIST, and more panels than one product of factors has. */
const SIZES: readonly (readonly [rows: number, columns: number])[] = [
  ...EDGES.map((rows) => [rows, 21] as const),
  ...EDGES.map((columns) => [5, columns] as const),
  [3, 784],
  [2, 120 * 16],
  [2, 251 * 16 + 1],
];

type Likelihood = "bernoulli" | "gaussian";

interface Outcome {
  readonly loss: Float64Array;
  readonly gradient: Float32Array;
  /** The whole matrix, rows of others included. */
  readonly whole: Panels;
  readonly own: Panels;
}

/** Runs a likelihood on the middle rows of larger matrices. */
function run(
  memory: KernelMemory,
  likelihood: Likelihood,
  out: Float32Array,
  x: Float32Array,
  rows: number,
  columns: number,
): Outcome {
  memory.reset();
  const whole = memory.room(rows + 2 * MARGIN, columns);
  const own = rowsOf(whole, MARGIN, rows);
  memory.write(own, out);
  const target = memory.room(rows + 2 * MARGIN, columns);
  memory.write(rowsOf(target, MARGIN, rows), x);
  const loss = memory.allocate((rows + 1) * 8);
  const scratch = memory.allocate(2 * rows * ROW_BYTES);
  const behind = memory.allocate(ROW_BYTES);
  const canaries = [memory.words(loss + rows * 8, 2).slice(), memory.words(behind, 16).slice()];
  const from = target.at + MARGIN * ROW_BYTES;
  memory.kernels[likelihood](loss, own.at, from, own.stride, rows, columns, scratch);
  expect([memory.words(loss + rows * 8, 2), memory.words(behind, 16)], "past the ends").toEqual(canaries);
  return { loss: memory.doubles(loss, rows).slice(), gradient: memory.get(own), whole, own };
}

/** Sums over the columns of each row. */
function rowSums(rows: number, columns: number, term: (i: number) => number): Float64Array {
  return Float64Array.from({ length: rows }, (_, r) => {
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += term(r * columns + c);
    return sum;
  });
}

/**
 * Each lane adds up ⌈columns / 16⌉ terms with a few roundings in each, and takes a logarithm of a product of up to 120
 * factors, each of which is off by a few roundings.
 */
function bernoulliBound(out: Float32Array, x: Float32Array, rows: number, columns: number): Float64Array {
  const panels = Math.ceil(columns / 16);
  const lanes = Math.min(16, columns) * Math.ceil(panels / 120);
  const sizes = rowSums(rows, columns, (i) => {
    const s = out[i];
    return Math.max(s, 0) + Math.abs(s * x[i]) + Math.log1p(Math.exp(-Math.abs(s)));
  });
  return sizes.map((size) => gamma(panels + 4) * size + 4 * u * columns + lanes * GREATEST_ERROR.softplus);
}

/** Logits as training has them, with some that saturate. */
function logits(rows: number, columns: number): Float32Array {
  const values = uniforms(rows * 31 + columns, rows * columns, -8, 8);
  return float32(values.map((value, i) => (i % 11 === 0 ? value * 10 : value)));
}

function targets(rows: number, columns: number): Float32Array {
  const values = uniforms(columns * 37 + rows, rows * columns, -0.5, 1.5);
  return float32(values.map((value) => Math.min(1, Math.max(0, value))));
}

describe.each(await openBuilds())("$file", ({ memory }) => {
  test.each(SIZES)("bernoulli, %i rows of %i", (rows, columns) => {
    const [out, x] = [logits(rows, columns), targets(rows, columns)];
    const { loss, gradient, whole, own } = run(memory, "bernoulli", out, x, rows, columns);
    expect(loss).toBeAllClose(bernoulliForward(out, x, rows, columns), {
      rtol: 0,
      atol: bernoulliBound(out, x, rows, columns),
    });
    const sigmas = out.map((s) => GREATEST_ERROR.sigmoid * sigmoid(s) + u + GREATEST_ERROR.sigmoidFarLeft);
    expect(gradient).toBeAllClose(bernoulliBackward(out, x), {
      rtol: 0,
      atol: sigmas,
      shape: [rows, columns],
    });
    expect(memory.padding(own).every((value) => value === 0)).toBe(true);
    expect(memory.strays(whole, MARGIN, rows)).toBe(0);
  });

  test.each(SIZES)("gaussian, %i rows of %i", (rows, columns) => {
    const [out, x] = [logits(rows, columns), targets(rows, columns)];
    const { loss, gradient, whole, own } = run(memory, "gaussian", out, x, rows, columns);
    const expected = gaussianForward(out, x, rows, columns);
    expect(loss).toBeAllClose(expected, { rtol: gamma(Math.ceil(columns / 16) + 5), atol: 0 });
    expect(gradient).toBeAllClose(gaussianBackward(out, x), { rtol: u, atol: 0, shape: [rows, columns] });
    expect(memory.padding(own).every((value) => value === 0)).toBe(true);
    expect(memory.strays(whole, MARGIN, rows)).toBe(0);
  });

  test.each([
    ["bernoulli", bernoulliBackward],
    ["gaussian", gaussianBackward],
  ] as const)("%s: what is not finite shows in its row's loss, and in no other", (likelihood, backward) => {
    const [rows, columns] = [9, 18];
    const [out, x] = [logits(rows, columns), targets(rows, columns)];
    const odd = new Map([
      [1, nan],
      [4, infinity],
      [6, -infinity],
    ]);
    for (const [row, value] of odd) out[row * columns + (row === 4 ? 17 : 3)] = value;
    x[7 * columns + 2] = nan;
    const { loss, gradient } = run(memory, likelihood, out, x, rows, columns);
    const finite = [...loss].map((value) => Number.isFinite(value));
    expect(finite).toEqual(Array.from({ length: rows }, (_, row) => !odd.has(row) && row !== 7));
    expect(loss[1]).toBeNaN();
    expect(loss[7]).toBeNaN();
    expect(gradient).toBeAllClose(backward(out, x), { rtol: 1e-6, atol: 1e-6, shape: [rows, columns] });
  });

  test("bernoulli: logits of zero cost log 2 each, however many there are", () => {
    const columns = 300 * 16 + 5;
    const { loss } = run(
      memory,
      "bernoulli",
      new Float32Array(columns),
      new Float32Array(columns),
      1,
      columns,
    );
    expect(loss).toBeAllClose([columns * Math.LN2], { rtol: 1e-6, atol: 0 });
  });

  test("bernoulli: logits far out of range stay exact", () => {
    const out = float32([1000, 1000, -1000, -1000, 3e38, -3e38, 0, -0]);
    const x = float32([1, 0, 1, 0, 0, 1, 0.5, 0.5]);
    const { loss } = run(memory, "bernoulli", out, x, 8, 1);
    const expected = bernoulliForward(out, x, 8, 1);
    expect(loss).toBeAllClose(expected, { rtol: 0, atol: GREATEST_ERROR.softplus });
  });

  test.each(SIZES)("sigmoid, %i rows of %i", (rows, columns) => {
    memory.reset();
    const s = logits(rows, columns);
    const whole = memory.room(rows + 2 * MARGIN, columns);
    const own = rowsOf(whole, MARGIN, rows);
    memory.write(own, s);
    memory.kernels.sigmoid(own.at, own.stride, rows, own.panels);
    expect(memory.get(own)).toBeAllClose(sigmoidForward(s), {
      rtol: GREATEST_ERROR.sigmoid,
      atol: GREATEST_ERROR.sigmoidFarLeft,
      shape: [rows, columns],
    });
    expect(memory.strays(whole, MARGIN, rows)).toBe(0);
  });

  test("sigmoid of ±∞, ±0 and NaN", () => {
    memory.reset();
    const out = memory.put([infinity, -infinity, nan, 0, -0], 1, 5);
    memory.kernels.sigmoid(out.at, out.stride, 1, 1);
    const [right, left, middle, zero, minusZero] = memory.get(out);
    expect([right, zero, minusZero]).toEqual([1, 0.5, 0.5]);
    expect(left).toBeGreaterThanOrEqual(0);
    expect(left).toBeLessThanOrEqual(GREATEST_ERROR.sigmoidFarLeft);
    expect(middle).toBeNaN();
  });
});
