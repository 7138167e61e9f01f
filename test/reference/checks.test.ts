import { describe, expect, test } from "vitest";
import { uniforms } from "../support/uniforms.ts";
import {
  ACTIVATIONS,
  type ActivationName,
  sigmoid,
  sigmoidBackward,
  sigmoidForward,
  siluBackward,
  siluForward,
} from "./activation.ts";
import { ADAM_DEFAULTS, adamStep } from "./adam.ts";
import { klForward } from "./latent.ts";
import { bernoulliForward, gaussianConstant, gaussianForward } from "./likelihood.ts";
import { columnSums, matmulBackwardInput, matmulBackwardWeight, matmulForward } from "./matmul.ts";
import {
  columnSumsTolerance,
  gamma,
  gemmTolerance,
  matmulForwardTolerance,
  UNIT_ROUNDOFF,
} from "./tolerance.ts";
import {
  type Forward,
  parameterTable,
  type Tensors,
  type VaeConfig,
  vaeBackward,
  vaeForward,
} from "./vae.ts";

/**
 * The twins are the truth that the kernels are held against, so they are themselves held against something simpler:
 * numbers worked out by hand, the defining formula, and central differences for every gradient.
 */

const nearlyExact = { rtol: 1e-14, atol: 1e-15 };

describe("matmul", () => {
  const x = [1, 2, 3, 4, 5, 6]; // [2, 3]
  const w = [1, 0, 0, 1, 2, -1]; // [3, 2]
  const dy = [1, 2, 3, 4]; // [2, 2]

  test("x·w + b", () => {
    expect([...matmulForward(x, w, undefined, 2, 3, 2)]).toEqual([7, -1, 16, -1]);
    expect([...matmulForward(x, w, [10, 20], 2, 3, 2)]).toEqual([17, 19, 26, 19]);
  });
  test("dy·wᵀ", () => expect([...matmulBackwardInput(dy, w, 2, 3, 2)]).toEqual([1, 2, 0, 3, 4, 2]));
  test("xᵀ·dy", () => {
    expect([...matmulBackwardWeight(x, dy, 2, 3, 2)]).toEqual([13, 18, 17, 24, 21, 30]);
  });
  test("column sums", () => expect([...columnSums(dy, 2, 2)]).toEqual([4, 6]));
  test("no inner terms leave the bias, no rows leave nothing", () => {
    expect([...matmulForward([], [], [1, 2], 2, 0, 2)]).toEqual([1, 2, 1, 2]);
    expect([...matmulForward([], w, [1, 2], 0, 3, 2)]).toEqual([]);
    expect([...columnSums([], 0, 2)]).toEqual([0, 0]);
  });
});

describe("tolerance", () => {
  /** x·w + b with a rounding to float32 after every operation, in the plainest order. */
  function float32Product(x: Float32Array, w: Float32Array, b: Float32Array, k: number, n: number): number[] {
    return Array.from(b, (bias, col) => {
      let sum = bias;
      for (let i = 0; i < k; i++) sum = Math.fround(sum + Math.fround(x[i] * w[i * n + col]));
      return sum;
    });
  }

  test.each([1, 7, 400, 784, 5000])("float32 rounding of %d terms stays within its bound", (k) => {
    const n = 8;
    const x = Float32Array.from(uniforms(1, k));
    const w = Float32Array.from(uniforms(2, k * n));
    const b = Float32Array.from(uniforms(3, n));
    const bound = matmulForwardTolerance(x, w, b, 1, k, n);
    const exact = matmulForward(x, w, b, 1, k, n);
    expect(float32Product(x, w, b, k, n)).toBeAllClose(exact, { rtol: 0, atol: bound });
    const whole = gemmTolerance(k, 1, 1, 1);
    for (const one of bound) expect(one).toBeLessThanOrEqual(whole);
  });

  test("one lost term is seen", () => {
    const x = Float32Array.from(uniforms(4, 784));
    const w = Float32Array.from(uniforms(5, 784));
    const short = matmulForward(x, w, undefined, 1, 783, 1);
    const bound = matmulForwardTolerance(x, w, undefined, 1, 784, 1);
    expect(short).not.toBeAllClose(matmulForward(x, w, undefined, 1, 784, 1), { rtol: 0, atol: bound });
  });

  test("γ_k is k·u, a little more, and refuses where it means nothing", () => {
    expect(gamma(1)).toBeGreaterThan(UNIT_ROUNDOFF);
    expect(gamma(1000)).toBeCloseTo(1000 * UNIT_ROUNDOFF, 7);
    expect(() => gamma(2 ** 24)).toThrow(RangeError);
    expect(columnSumsTolerance([0, 0], 2, 1)[0]).toBeLessThan(1e-44);
  });
});

describe("likelihood, divergence, activation", () => {
  test("cross-entropy from logits is the cross-entropy of the probabilities", () => {
    const logits = uniforms(6, 12, -5, 5);
    const x = uniforms(7, 12, 0, 1);
    const terms = Array.from(logits, (logit, i) => {
      const p = sigmoid(logit);
      return -(x[i] * Math.log(p) + (1 - x[i]) * Math.log(1 - p));
    });
    expect(bernoulliForward(logits, x, 12, 1)).toBeAllClose(terms, { rtol: 1e-13, atol: 1e-13 });
    const firstRow = terms.slice(0, 4).reduce((a, b) => a + b);
    expect(bernoulliForward(logits, x, 3, 4)[0]).toBeCloseTo(firstRow, 12);
  });

  test("cross-entropy of huge logits is finite", () => {
    expect([...bernoulliForward([1000, 1000, -1000, -1000], [1, 0, 1, 0], 4, 1)]).toEqual([0, 1000, 1000, 0]);
  });

  test("the Gaussian with its constant is −log of the normal density", () => {
    const density = (x: number, mean: number): number =>
      Math.exp(-0.5 * (x - mean) ** 2) / Math.sqrt(2 * Math.PI);
    const full = gaussianForward([0.5, -1], [2, 1], 1, 2)[0] + gaussianConstant(2);
    expect(full).toBeCloseTo(-Math.log(density(2, 0.5) * density(1, -1)), 12);
  });

  test("KL is the integral of q·log(q/p)", () => {
    const [mean, logvar] = [0.7, -0.9];
    const deviation = Math.exp(0.5 * logvar);
    const width = 1e-3;
    let integral = 0;
    for (let t = mean - 12 * deviation; t < mean + 12 * deviation; t += width) {
      const s = (t - mean) / deviation;
      const q = Math.exp(-0.5 * s * s) / (deviation * Math.sqrt(2 * Math.PI));
      integral += width * q * (0.5 * t * t - 0.5 * s * s - Math.log(deviation));
    }
    expect(klForward([mean], [logvar], 1, 1)[0]).toBeCloseTo(integral, 9);
    expect(klForward([0, 0], [0, 0], 1, 2)[0] === 0).toBe(true);
  });

  test("σ saturates without overflow, and its derivative is y·(1 − y)", () => {
    expect(sigmoidForward([-1000, 0, 1000])).toBeAllClose([0, 0.5, 1], nearlyExact);
    const h = 1e-5;
    const slope = (sigmoid(0.3 + h) - sigmoid(0.3 - h)) / (2 * h);
    expect(sigmoidBackward([2], [sigmoid(0.3)])[0]).toBeCloseTo(2 * slope, 9);
  });

  test("SiLU has its derivative on both sides", () => {
    for (const x of [-40, -3, -1.28, 0, 0.3, 5]) {
      const [right, left] = siluForward([x + 1e-5, x - 1e-5]);
      expect(siluBackward([2], [x])[0]).toBeCloseTo((right - left) / 1e-5, 8);
    }
  });
});

test("Adam's first step moves by lr against the gradient's sign, whatever its size", () => {
  const param = Float64Array.of(1, 1, 1);
  const m = new Float64Array(3);
  const v = new Float64Array(3);
  adamStep(param, m, v, [1e4, -1e-2, 0], 1);
  expect(param).toBeAllClose([1 - ADAM_DEFAULTS.lr, 1 + ADAM_DEFAULTS.lr, 1], { rtol: 0, atol: 1e-8 });
  expect(m).toBeAllClose([1e3, -1e-3, 0], nearlyExact);
});

describe("every gradient of the VAE against central differences", () => {
  const STEP = 2 ** -9;

  /** Which ReLUs are on. A difference quotient across a change of it measures the kink, not the slope. */
  function activeSet({ encoder, decoder }: Forward): string {
    return [...encoder, ...decoder].map((layer) => layer.y.map((y) => Number(y > 0)).join("")).join("|");
  }

  /** The derivative of the loss by one element: five-point stencil, error of order STEP⁴. */
  function slope(
    lossAt: () => Forward,
    values: Float64Array,
    index: number,
    kinked: boolean,
    active: string,
  ): number {
    const value = values[index];
    const at = (offset: number): number => {
      values[index] = value + offset;
      const forward = lossAt();
      values[index] = value;
      if (kinked && activeSet(forward) !== active) throw new Error("too near a kink: choose another seed");
      return forward.loss;
    };
    return (8 * (at(STEP) - at(-STEP)) - (at(2 * STEP) - at(-2 * STEP))) / (12 * STEP);
  }

  const depths: readonly (readonly number[])[] = [[], [6], [6, 5]];
  const cases = depths.flatMap((hidden) =>
    (Object.keys(ACTIVATIONS) as ActivationName[]).flatMap((activation) =>
      (["bernoulli", "gaussian"] as const).flatMap((likelihood) =>
        [1, 3].map((latentDim) => ({ hidden, activation, likelihood, latentDim })),
      ),
    ),
  );

  test.each(cases)("hidden $hidden, $activation, $likelihood, latent $latentDim", (choice) => {
    const config: VaeConfig = { inputDim: 7, ...choice };
    const rows = 3;
    const parameters: Tensors = new Map(
      parameterTable(config).map(([name, shape], i) => {
        const size = shape.reduce((a, b) => a * b);
        return [name, uniforms(300 + i, size, -0.8, 0.8)];
      }),
    );
    const x = uniforms(8, rows * config.inputDim, 0, 1);
    const eps = uniforms(9, rows * config.latentDim, -2, 2);
    const lossAt = (): Forward => vaeForward(config, parameters, x, eps, rows);

    const forward = lossAt();
    const active = activeSet(forward);
    if (config.activation === "relu" && config.hidden.length > 0) expect(active).toMatch(/0.*1|1.*0/);
    const gradients = vaeBackward(config, parameters, x, eps, rows, forward);
    expect([...gradients.keys()].sort()).toEqual([...parameters.keys()].sort());
    for (const [name, shape] of parameterTable(config)) {
      const values = parameters.get(name)!;
      const slopes = Float64Array.from(values, (_, i) =>
        slope(lossAt, values, i, config.activation === "relu", active),
      );
      expect(gradients.get(name), name).toBeAllClose(slopes, { rtol: 1e-7, atol: 1e-9, shape });
    }
  });
});

test("one hidden layer has the original program's names, other depths count", () => {
  const base = { inputDim: 784, latentDim: 2, activation: "relu", likelihood: "bernoulli" } as const;
  expect(parameterTable({ ...base, hidden: [400] })).toEqual([
    ["fc1.weight", [400, 784]],
    ["fc1.bias", [400]],
    ["fc_mu.weight", [2, 400]],
    ["fc_mu.bias", [2]],
    ["fc_logvar.weight", [2, 400]],
    ["fc_logvar.bias", [2]],
    ["fc3.weight", [400, 2]],
    ["fc3.bias", [400]],
    ["fc4.weight", [784, 400]],
    ["fc4.bias", [784]],
  ]);
  const deep = parameterTable({ ...base, hidden: [9, 6] }).filter(([name]) => name.endsWith("weight"));
  expect(deep).toEqual([
    ["encoder.0.weight", [9, 784]],
    ["encoder.1.weight", [6, 9]],
    ["fc_mu.weight", [2, 6]],
    ["fc_logvar.weight", [2, 6]],
    ["decoder.0.weight", [6, 2]],
    ["decoder.1.weight", [9, 6]],
    ["decoder.2.weight", [784, 9]],
  ]);
});
