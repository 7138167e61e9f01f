import { describe, expect, test } from "vitest";
import {
  type Forward,
  parameterTable,
  sum,
  trainingState,
  trainStep,
  vaeBackward,
  vaeForward,
} from "../reference/vae.ts";
import { type GoldenLoss, loadGolden } from "./golden.ts";

const { cases, linearInit } = loadGolden();

function flat(losses: readonly GoldenLoss[]): number[] {
  return losses.flatMap(({ loss, reconstruction, kl }) => [loss, reconstruction, kl]);
}

function lossOf({ loss, reconstruction, kl }: Forward): GoldenLoss {
  return { loss, reconstruction: sum(reconstruction), kl: sum(kl) };
}

describe.each(cases)("$name: the float64 twin against PyTorch", (golden) => {
  const { config, batchSize, adam, shapes, x, eps } = golden;
  const trained = trainingState(config, golden.initial);
  const losses = x.map((batch, step) => lossOf(trainStep(trained, batch, eps[step], batchSize, adam)));

  test("names, order and shapes are those of the state dict", () => {
    expect(parameterTable(config)).toEqual([...shapes]);
    for (const tensors of [golden.initial, golden.gradients, golden.final]) {
      expect([...tensors.keys()]).toEqual([...shapes.keys()]);
    }
  });

  test("ten steps of loss, against float64", () => {
    expect(flat(losses)).toBeAllClose(flat(golden.losses64), { rtol: 1e-11, atol: 0, shape: [x.length, 3] });
  });

  // A sum of hundreds of terms in float32; the divergence is small beside the terms that cancel in it.
  test("ten steps of loss, against float32", () => {
    expect(flat(losses)).toBeAllClose(flat(golden.losses32), {
      rtol: 1e-6,
      atol: 1e-6,
      shape: [x.length, 3],
    });
  });

  test("every gradient of the first step, against float32", () => {
    const { parameters } = trainingState(config, golden.initial);
    const forward = vaeForward(config, parameters, x[0], eps[0], batchSize);
    const gradients = vaeBackward(config, parameters, x[0], eps[0], batchSize, forward);
    for (const [name, shape] of shapes) {
      expect(golden.gradients.get(name), name).toBeAllClose(gradients.get(name)!, {
        rtol: 1e-6,
        atol: 1e-6,
        shape,
      });
    }
  });

  // Adam divides a gradient by its own size, so what rounding does to a tiny one moves the weight by much of lr.
  test("the weights after ten steps, against float32", () => {
    for (const [name, shape] of shapes) {
      expect(golden.final.get(name), name).toBeAllClose(trained.parameters.get(name)!, {
        rtol: 1e-6,
        atol: 1e-6,
        shape,
      });
    }
  });
});

/**
 * U(−1/√fan_in, 1/√fan_in) for weight and bias alike. torch 1.13, nn.Linear.reset_parameters: kaiming_uniform_ with
 * a = √5, whose bound √(6 / ((1 + a²)·fan_in)) is 1/√fan_in, and the same interval for the bias.
 */
describe.each(linearInit)("nn.Linear starts uniform in ±1/√fan_in, fan_in $fanIn", ({ weight, bias }) => {
  test.each([
    ["weight", weight],
    ["bias", bias],
  ] as const)("%s", (_, [min, max, variance]) => {
    const rounding = 2 ** -23;
    expect(min).toBeGreaterThanOrEqual(-1 - rounding);
    expect(max).toBeLessThanOrEqual(1 + rounding);
    expect(min).toBeLessThan(-0.999);
    expect(max).toBeGreaterThan(0.999);
    expect(Math.abs(variance - 1 / 3)).toBeLessThan(0.005);
  });
});
