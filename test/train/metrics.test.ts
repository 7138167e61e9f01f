import { describe, expect, test } from "vitest";
import type { Rows } from "../../src/data/dataset.ts";
import { epochOrder } from "../../src/data/sampler.ts";
import { type Progress, train, Vae } from "../../src/node.ts";
import { normals } from "../../src/random/normal.ts";
import { PURPOSE } from "../../src/random/purpose.ts";
import { ADAM_DEFAULTS } from "../reference/adam.ts";
import { sum, type TrainingState, trainingState, trainStep, vaeForward } from "../reference/vae.ts";
import {
  createTrainer,
  type Losses,
  lossesOf,
  makeRows,
  runTask,
  type Task,
  type Workers,
} from "../support/training.ts";

const base = { inputDim: 13, latentDim: 3, seed: 6 } as const;
const tasks: readonly (Task & { readonly name: string; readonly test: Rows })[] = [
  {
    name: "ReLU, Bernoulli, sparse bytes",
    config: { ...base, hidden: [9], activation: "relu", likelihood: "bernoulli" },
    data: makeRows(30, 13, { bytes: true, density: 0.4 }),
    test: makeRows(7, 13, { bytes: true, density: 0.4, seed: 3 }),
    epochs: 3,
    batchSize: 8,
    learningRate: 0.01,
  },
  {
    name: "tanh, Gaussian, floats, two hidden layers",
    config: { ...base, hidden: [8, 5], activation: "tanh", likelihood: "gaussian" },
    data: makeRows(21, 13),
    test: makeRows(18, 13, { seed: 3 }),
    epochs: 3,
    batchSize: 20,
    learningRate: 0.005,
  },
];

function floatsOf({ values }: Rows): Float32Array {
  return values instanceof Float32Array ? values : Float32Array.from(values, (value) => value / 255);
}

function noise(
  { seed, latentDim }: Task["config"],
  purpose: 1 | 3,
  step: number,
  rows: number,
): Float64Array {
  const eps = new Float64Array(rows * latentDim);
  for (let r = 0; r < rows; r++) {
    normals(seed, purpose, step, r, eps.subarray(r * latentDim, (r + 1) * latentDim));
  }
  return eps;
}

/** One epoch of the float64 twin: order, batches and noise are those of the seed. Gives its losses, a row each. */
function twinEpoch(state: TrainingState, task: Task, epoch: number): readonly [number, number] {
  const { config, data, batchSize, learningRate } = task;
  const order = epochOrder(data.count, config.seed, epoch);
  const x = floatsOf(data);
  let [reconstruction, kl] = [0, 0];
  for (let first = 0; first < data.count; first += batchSize) {
    const picked = order.subarray(first, first + batchSize);
    const batch = [...picked].flatMap((row) => [...x.subarray(row * data.dim, (row + 1) * data.dim)]);
    const eps = noise(config, PURPOSE.noise, state.step, picked.length);
    const forward = trainStep(state, batch, eps, picked.length, { ...ADAM_DEFAULTS, lr: learningRate! });
    reconstruction += sum(forward.reconstruction);
    kl += sum(forward.kl);
  }
  return [reconstruction / data.count, kl / data.count];
}

function twinTest(
  { config, parameters }: TrainingState,
  { seed }: Task["config"],
  rows: Rows,
): [number, number] {
  const eps = noise({ ...config, seed }, PURPOSE.evaluation, 0, rows.count);
  const { reconstruction, kl } = vaeForward(config, parameters, floatsOf(rows), eps, rows.count);
  return [sum(reconstruction) / rows.count, sum(kl) / rows.count];
}

function flat(losses: Losses): (number | null)[] {
  const { trainLoss, trainReconstruction, trainKl, testLoss, testReconstruction, testKl } = losses;
  return [trainLoss, trainReconstruction, trainKl, testLoss, testReconstruction, testKl];
}

describe.each(tasks)("$name", (task) => {
  test("an epoch's metrics are the means over rows, in nats, of the float64 twin trained alike", async () => {
    const vae = await Vae.create(task.config);
    const initial = new Map(vae.tensors().map(({ name, data }) => [name, data]));
    const state = trainingState(task.config, initial);
    const { losses, state: end } = await runTask(task, 2, vae.arithmetic);
    expect(losses.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    for (const [epoch, metrics] of losses.entries()) {
      const [reconstruction, kl] = twinEpoch(state, task, epoch);
      const [testReconstruction, testKl] = twinTest(state, task.config, task.test);
      const trained = [reconstruction + kl, reconstruction, kl];
      const tested = [testReconstruction + testKl, testReconstruction, testKl];
      expect(flat(metrics)).toBeAllClose([...trained, ...tested], { rtol: 2e-6, atol: 2e-6 });
    }
    for (const { name, data } of end.parameters) {
      expect(data, name).toBeAllClose(state.parameters.get(name)!, { rtol: 1e-5, atol: 1e-5 });
    }
  });

  const crews: readonly Workers[] = ["inline", 1, 3];
  test.each(crews)("the test losses are those of the model, to the bit, %s", async (workers) => {
    const { test: rows, config } = task;
    for (const count of [1, rows.count]) {
      const some = { ...rows, count, values: rows.values.slice(0, count * rows.dim) };
      const { losses, vae } = await runTask({ ...task, test: some, epochs: 1 }, workers, "simd");
      const { reconstruction, kl } = vae.losses(some.values);
      const mean = (values: Float64Array) => values.reduce((total, value) => total + value, 0) / count;
      expect(losses[0].testReconstruction).toBe(mean(reconstruction));
      expect(losses[0].testKl).toBe(mean(kl));
      expect(losses[0].testLoss).toBe(mean(reconstruction) + mean(kl));
      expect(vae.config).toMatchObject(config);
    }
  });
});

describe("metrics", () => {
  const [task] = tasks;
  const { config, data, epochs, name: _name, ...options } = task;

  test("count images by seconds", async () => {
    for await (const { seconds, imagesPerSecond } of train(await Vae.create(config), data, {
      ...options,
      epochs,
    })) {
      expect(seconds).toBeGreaterThan(0);
      expect(imagesPerSecond).toBe(data.count / seconds);
    }
  });

  test("of a test are null where there is none", async () => {
    const { test: _, ...without } = options;
    const trainer = await createTrainer(await Vae.create(config), data, { ...without, workers: "inline" });
    const losses = lossesOf((await trainer.runEpoch())!);
    expect(losses).toMatchObject({ testLoss: null, testReconstruction: null, testKl: null });
  });

  test("progress ends with the epoch's own loss", async () => {
    const seen: Progress[] = [];
    const onProgress = (progress: Progress) => void seen.push(progress);
    const workers = "inline" as const;
    const trainer = await createTrainer(await Vae.create(config), data, { ...options, workers, onProgress });
    const { trainLoss } = (await trainer.runEpoch())!;
    expect(seen.at(-1)).toEqual({ epoch: 1, step: 4, steps: 4, loss: trainLoss });
  });
});
