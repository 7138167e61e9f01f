import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Activation, type Likelihood, loadDataset, type Rows, train, Vae } from "../../src/node.ts";
import { MNIST_DIRECTORY } from "../data/support.ts";

/** A few epochs on a few pictures: MNIST's where they are here, otherwise the embedded digits. */

const dataset = await loadDataset(existsSync(MNIST_DIRECTORY) ? MNIST_DIRECTORY : "digits");

function first(rows: Rows, count: number): Rows {
  return { values: rows.values.subarray(0, count * rows.dim), count, dim: rows.dim };
}

const data = first(dataset.train, 1000);
const held = first(dataset.test, 250);

const settings = (["relu", "tanh"] as const).flatMap((activation: Activation) =>
  (["bernoulli", "gaussian"] as const).flatMap((likelihood: Likelihood) =>
    [[64], [32, 16]].map((hidden) => ({ activation, likelihood, hidden })),
  ),
);

describe(dataset.name, () => {
  test.each(settings)("$activation, $likelihood, $hidden: the loss falls", async (setting) => {
    const vae = await Vae.create({ inputDim: data.dim, latentDim: 4, seed: 0, ...setting });
    const { reconstruction, kl } = vae.losses(held.values);
    const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
    let [before, lastTraining] = [mean(reconstruction) + mean(kl), Number.POSITIVE_INFINITY];
    for await (const { trainLoss, testLoss } of train(vae, data, { epochs: 3, batchSize: 50, test: held })) {
      expect(trainLoss).toBeLessThan(lastTraining);
      expect(testLoss).toBeLessThan(before);
      [before, lastTraining] = [testLoss!, trainLoss];
    }
    expect(before).toBeGreaterThan(0);
    const codes = vae.encode(held.values);
    expect([...codes.mu, ...codes.logvar].every(Number.isFinite)).toBe(true);
  });
});
