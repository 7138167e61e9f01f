import { describe, expect, test } from "vitest";
import { ConfigError, DivergedError, type Rows, type Trace, trace, Vae } from "../../src/node.ts";
import { supportedArithmetic } from "../../src/wasm/builds.ts";
import { ADAM_DEFAULTS, type AdamSettings } from "../reference/adam.ts";
import { sum, trainingState, trainStep, vaeBackward, vaeForward } from "../reference/vae.ts";
import { makeRows, runTask, type Task } from "../support/training.ts";

const sparse: Task = {
  config: { inputDim: 37, hidden: [21], latentDim: 3, activation: "relu", likelihood: "bernoulli", seed: 1 },
  data: makeRows(106, 37, { bytes: true, density: 0.3 }),
  epochs: 2,
  batchSize: 42,
};
const dense: Task = {
  config: {
    inputDim: 50,
    hidden: [33, 18],
    latentDim: 17,
    activation: "tanh",
    likelihood: "gaussian",
    seed: 2,
  },
  data: makeRows(161, 50),
  epochs: 3,
  batchSize: 80,
  learningRate: 3e-3,
};
/** One step an epoch, so that training says the loss of every step. */
const whole: Task = { ...dense, batchSize: 161, epochs: 5 };

const tasks = [
  { name: "sparse bytes, ReLU, Bernoulli, a short last batch", ...sparse },
  { name: "dense floats, tanh, Gaussian, two hidden layers", ...dense },
  { name: "one batch an epoch", ...whole },
];

function stepsOf({ data, batchSize, epochs }: Task): number {
  return epochs * Math.ceil(data.count / batchSize);
}

function settingsOf({ batchSize, learningRate = 1e-3 }: Task) {
  return { batchSize, learningRate };
}

describe.each(supportedArithmetic())("%s", (arithmetic) => {
  describe.each(tasks)("$name", (task) => {
    test("a trace is the training itself, to the bit", async () => {
      const trained = await runTask(task, 2, arithmetic);
      const vae = await Vae.create(task.config, { arithmetic });
      const initial = vae.tensors();
      const steps = stepsOf(task);
      const traced = await trace(vae, task.data, { steps, ...settingsOf(task) });
      expect(traced.initial).toEqual(initial);
      expect(traced.arithmetic).toBe(arithmetic);
      expect(traced.steps).toHaveLength(steps);
      expect(vae.tensors()).toEqual(trained.vae.tensors());
      const perEpoch = steps / task.epochs;
      for (const [epoch, losses] of trained.losses.entries()) {
        const part = traced.steps.slice(epoch * perEpoch, (epoch + 1) * perEpoch);
        const mean = (term: "reconstruction" | "kl"): number =>
          part.reduce((total, step) => total + step[term], 0) / task.data.count;
        expect([mean("reconstruction"), mean("kl")]).toEqual([losses.trainReconstruction, losses.trainKl]);
        // every row once
        const rows = part.flatMap((step) => [...step.rows]).sort((a, b) => a - b);
        expect(rows).toEqual(Array.from({ length: task.data.count }, (_, i) => i));
      }
    });
  });
});

/** One row as float32 numbers, as the kernels see it. */
function batchOf({ values, dim }: Rows, rows: Int32Array): Float32Array {
  const numbers = [...rows].flatMap((row) => [...values.subarray(row * dim, (row + 1) * dim)]);
  return Float32Array.from(numbers, (value) => (values instanceof Uint8Array ? value / 255 : value));
}

/**
 * How far the trace is from the float64 twin that does the same work, as a multiple of what rounding can explain.
 *
 * The bounds of one step are those that test/model/network.test.ts has for every loss and for every element of a
 * gradient: 2e-6 of it, and for a sum whose terms cancel 2e-7 · (1 + the largest) on top. By the triangle inequality
 * norms are no farther apart than the norm of the difference. Each step of Adam adds its rounding once more.
 */
function distance({ config, initial, steps }: Trace, data: Rows, adam: AdamSettings): number {
  const state = trainingState(config, new Map(initial.map((tensor) => [tensor.name, tensor.data])));
  let worst = 0;
  const expectNear = (found: number, expected: number, bound: number): void => {
    worst = Math.max(worst, Math.abs(found - expected) / bound);
  };
  for (const [i, { rows, noise, reconstruction, kl, gradientNorms }] of steps.entries()) {
    const x = batchOf(data, rows);
    const forward = vaeForward(config, state.parameters, x, noise, rows.length);
    const gradients = vaeBackward(config, state.parameters, x, noise, rows.length, forward);
    const growth = i + 1;
    for (const [found, terms] of [
      [reconstruction, forward.reconstruction],
      [kl, forward.kl],
    ] as const) {
      expectNear(found, sum(terms), growth * (2e-6 * sum(terms) + 1e-6 * rows.length));
    }
    for (const [j, { name }] of initial.entries()) {
      const twin = gradients.get(name)!;
      const atol = 2e-7 * (1 + Math.max(...twin.map(Math.abs)));
      expectNear(
        gradientNorms[j],
        Math.hypot(...twin),
        growth * (2e-6 * Math.hypot(...twin) + atol * Math.sqrt(twin.length)),
      );
    }
    trainStep(state, x, noise, rows.length, adam);
  }
  return worst;
}

describe.each(tasks.slice(0, 2))("$name, replayed by the float64 twin", (task) => {
  const { config, data } = task;
  const adam = { ...ADAM_DEFAULTS, lr: settingsOf(task).learningRate };

  test("losses and gradient norms are what rounding makes of the twin's", async () => {
    const traced = await trace(await Vae.create(config), data, { steps: 8, ...settingsOf(task) });
    expect(distance(traced, data, adam)).toBeLessThan(1);
  });

  test("other noise, other rows and another learning rate are seen", async () => {
    const traced = await trace(await Vae.create(config), data, { steps: 8, ...settingsOf(task) });
    const change = (at: number, changed: object): Trace => ({
      ...traced,
      steps: traced.steps.with(at, { ...traced.steps[at], ...changed }),
    });
    const { noise, rows } = traced.steps[2];
    const noisy = change(2, { noise: noise.with(1, -noise[1]) });
    expect(distance(noisy, data, adam)).toBeGreaterThan(1);
    expect(distance(change(2, { rows: rows.with(0, rows[1]) }), data, adam)).toBeGreaterThan(1);
    expect(distance(traced, data, { ...adam, lr: 1.01 * adam.lr })).toBeGreaterThan(1);
    expect(distance(traced, data, { ...adam, beta2: 0.99 })).toBeGreaterThan(1);
  });
});

describe("what cannot be traced", () => {
  const { config, data } = sparse;

  test.each([
    ["no steps", { steps: 0 }, /^steps: expected a whole number from 1 to 1000000, found 0$/],
    ["half a step", { steps: 1.5 }, /^steps: expected a whole number from 1/],
    ["a batch of nothing", { batchSize: 0 }, /^batchSize: expected a whole number from 1 to 65536, found 0$/],
    [
      "a misspelt setting",
      { step: 3 },
      /^step: expected one of the settings of a trace \(steps, batchSize, learningRate\), found an unknown name$/,
    ],
  ])("%s", async (_, options: object, message) => {
    const vae = await Vae.create(config);
    await expect(trace(vae, data, options)).rejects.toThrow(message);
    await expect(trace(vae, data, options)).rejects.toThrow(ConfigError);
  });

  test("rows that do not fit the model", async () => {
    const vae = await Vae.create({ ...config, inputDim: 36 });
    await expect(trace(vae, data)).rejects.toThrow(
      "dim of the training rows: expected 36 (the model's inputDim), found 37",
    );
  });

  test.each([2, 3])("training that diverges, in %d steps, leaves the model as it was", async (steps) => {
    const vae = await Vae.create(config);
    const before = vae.tensors();
    const diverging = trace(vae, data, { steps, learningRate: 1e38 });
    await expect(diverging).rejects.toThrow(DivergedError);
    await expect(diverging).rejects.toThrow(
      /^the loss at step 2: expected a finite number, found (NaN|-?Infinity); try fewer steps or a learning rate below 1e\+38$/,
    );
    expect(vae.tensors()).toEqual(before);
  });
});
