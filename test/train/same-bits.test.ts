import { describe, expect, test } from "vitest";
import { supportedArithmetic } from "../../src/wasm/builds.ts";
import { TILES, type TileName } from "../../src/wasm/tiles.ts";
import { changeCompiler, changeThreads } from "../support/platform.ts";
import { makeRows, type Outcome, runTask, type Task, type Workers } from "../support/training.ts";

const exact = { rtol: 0, atol: 0 };

const tasks: readonly (Task & { readonly name: string })[] = [
  {
    // batches of three blocks of 16, one of them not full; a last batch of 22 rows, less than a worker each
    name: "sparse bytes, ReLU, Bernoulli",
    config: {
      inputDim: 37,
      hidden: [21],
      latentDim: 3,
      activation: "relu",
      likelihood: "bernoulli",
      seed: 1,
    },
    data: makeRows(106, 37, { bytes: true, density: 0.3 }),
    test: makeRows(91, 37, { bytes: true, density: 0.3, seed: 5 }),
    epochs: 2,
    batchSize: 42,
  },
  {
    name: "dense floats, tanh, Gaussian, two hidden layers",
    config: {
      inputDim: 50,
      hidden: [33, 18],
      latentDim: 17,
      activation: "tanh",
      likelihood: "gaussian",
      seed: 2 ** 35 + 3,
    },
    data: makeRows(161, 50),
    // bytes to test where floats were trained on, fewer than workers
    test: makeRows(3, 50, { bytes: true, seed: 6 }),
    epochs: 2,
    batchSize: 80,
  },
  {
    name: "a batch smaller than a block, and no test rows",
    config: {
      inputDim: 16,
      hidden: [16],
      latentDim: 16,
      activation: "relu",
      likelihood: "gaussian",
      seed: 0,
    },
    data: makeRows(23, 16),
    epochs: 3,
    batchSize: 5,
  },
];

function expectSame(actual: Outcome, expected: Outcome): void {
  expect(actual.losses).toEqual(expected.losses);
  expect(actual.bits).toBeAllClose(expected.bits, exact);
  expect(actual.vae.tensors()).toEqual(expected.state.parameters);
}

const CREWS: readonly Workers[] = [1, 2, 3, 5];

describe.each(supportedArithmetic())("%s", (arithmetic) => {
  describe.each(tasks)("$name", async (task) => {
    const expected = await runTask(task, "inline", arithmetic);

    test.each(CREWS)("%s workers and one thread alone: the same bits", async (workers) => {
      expectSame(await runTask(task, workers, arithmetic), expected);
    });

    test.each(Object.keys(TILES) as TileName[])("tile %s: the same bits", async (tile) => {
      changeCompiler({ asked: () => ({ tile }) });
      expectSame(await runTask(task, "inline", arithmetic), expected);
    });

    test("it did learn", () => {
      const [first, last] = [expected.losses[0], expected.losses.at(-1)!];
      expect(last.trainLoss).toBeLessThan(first.trainLoss);
      expect(expected.bits.length).toBeGreaterThan(0);
    });
  });
});

test("more workers than the machine has cores spin less and end the same", async () => {
  const [task] = tasks;
  const [arithmetic] = supportedArithmetic();
  const expected = await runTask(task, "inline", arithmetic);
  changeThreads({ cores: () => 1 });
  expectSame(await runTask(task, 3, arithmetic), expected);
});
