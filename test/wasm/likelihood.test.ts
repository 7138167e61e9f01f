import { describe, expect, test } from "vitest";
import { checkCase, outputsOf } from "../cases/case.ts";
import { sigmoid } from "../cases/elementwise.ts";
import { GREATEST_ERROR } from "../cases/errors.ts";
import { LIKELIHOODS, type LossOperands, loss, lossAndGradient, lossOperands } from "../cases/likelihood.ts";
import { bernoulliBackward, bernoulliForward, gaussianBackward, weightOf } from "../reference/likelihood.ts";
import { EXACT } from "../support/closeness.ts";
import { float32, openBuilds } from "../support/kernel-memory.ts";
import { EDGES } from "./shapes.ts";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

/** Rows by columns: each edge in both places, the width of MNIST, and more panels than one product of factors has. */
const SIZES: readonly (readonly [rows: number, columns: number])[] = [
  ...EDGES.map((rows) => [rows, 21] as const),
  ...EDGES.map((columns) => [5, columns] as const),
  [3, 784],
  [2, 120 * 16],
  [2, 251 * 16 + 1],
];

function evenly(rows: number, { out, x }: Omit<LossOperands, "weights">): LossOperands {
  return { out, x, weights: new Float32Array(rows).fill(1) };
}

describe.each(await openBuilds())("$file", ({ memory }) => {
  describe.each(LIKELIHOODS)("%s", (kernel) => {
    test.each(SIZES)("%i rows of %i, and the same loss without the gradient", (rows, columns) => {
      checkCase(memory, lossAndGradient(kernel, rows, columns));
      checkCase(memory, loss(kernel, rows, columns));
    });

    test.each(SIZES)(
      "%i rows of %i: weights change no loss, and a weight of 1 no gradient",
      (rows, columns) => {
        const operands = lossOperands(rows, columns);
        const plain = evenly(rows, operands);
        const [weightedLoss, weighted] = outputsOf(memory, lossAndGradient(kernel, rows, columns, operands));
        const [plainLoss, gradient] = outputsOf(memory, lossAndGradient(kernel, rows, columns, plain));
        const [alone] = outputsOf(memory, loss(kernel, rows, columns));
        for (const same of [weightedLoss, alone]) expect(same).toEqual(plainLoss);
        const products = Array.from(gradient, (value, i) =>
          Math.fround(value * weightOf(i, operands.out, operands.weights)),
        );
        expect(weighted).toBeAllClose(products, EXACT);
      },
    );
  });

  test.each([
    ["bernoulli", bernoulliBackward],
    ["gaussian", gaussianBackward],
  ] as const)("%s: what is not finite shows in its row's loss, and in no other", (kernel, backward) => {
    const [rows, columns] = [9, 18];
    const operands = evenly(rows, lossOperands(rows, columns));
    const { out, x } = operands;
    const odd = new Map([
      [1, nan],
      [4, infinity],
      [6, -infinity],
    ]);
    for (const [row, value] of odd) out[row * columns + (row === 4 ? 17 : 3)] = value;
    x[7 * columns + 2] = nan;
    const [found, gradient] = outputsOf(memory, lossAndGradient(kernel, rows, columns, operands));
    const finite = Array.from(found, Number.isFinite);
    expect(finite).toEqual(Array.from({ length: rows }, (_, row) => !odd.has(row) && row !== 7));
    expect(found[1]).toBeNaN();
    expect(found[7]).toBeNaN();
    expect(gradient).toBeAllClose(backward(out, x), { rtol: 1e-6, atol: 1e-6, shape: [rows, columns] });
  });

  test("bernoulli: logits of zero cost log 2 each, however many there are", () => {
    const columns = 300 * 16 + 5;
    const zeros = new Float32Array(columns);
    const [found] = outputsOf(memory, loss("bernoulli", 1, columns, evenly(1, { out: zeros, x: zeros })));
    expect(found).toBeAllClose([columns * Math.LN2], { rtol: 1e-6, atol: 0 });
  });

  test("bernoulli: logits far out of range stay exact", () => {
    const out = float32([1000, 1000, -1000, -1000, 3e38, -3e38, 0, -0]);
    const x = float32([1, 0, 1, 0, 0, 1, 0.5, 0.5]);
    const [found] = outputsOf(memory, loss("bernoulli", 8, 1, evenly(8, { out, x })));
    const expected = bernoulliForward(out, x, 8, 1);
    expect(found).toBeAllClose(expected, { rtol: 0, atol: GREATEST_ERROR.softplus });
  });

  test.each(SIZES)("sigmoid, %i rows of %i", (rows, columns) => {
    checkCase(memory, sigmoid(rows, columns));
  });

  test("sigmoid of ±∞, ±0 and NaN", () => {
    memory.reset();
    const out = memory.put([infinity, -infinity, nan, 0, -0], 1, 5);
    memory.kernels().sigmoid(out, [0, 1]);
    const [right, left, middle, zero, minusZero] = memory.read(out);
    expect([right, zero, minusZero]).toEqual([1, 0.5, 0.5]);
    expect(left).toBeGreaterThanOrEqual(0);
    expect(left).toBeLessThanOrEqual(GREATEST_ERROR.sigmoidFarLeft);
    expect(middle).toBeNaN();
  });
});
