import { describe, expect, test } from "vitest";
import { DivergedError, type Rows, train, Vae, type VaeConfig } from "../../src/node.ts";
import { changeCompiler } from "../support/platform.ts";
import { createTrainer, makeRows, type Workers } from "../support/training.ts";
import { within } from "../support/within.ts";
import { watchWorkers } from "../support/workers.ts";

const config: VaeConfig = {
  inputDim: 20,
  inputShape: [20],
  hidden: [17],
  latentDim: 2,
  activation: "relu",
  likelihood: "bernoulli",
  seed: 0,
};
const rows = makeRows(40, 20);
const CREWS: readonly Workers[] = ["inline", 1, 3];

function poisoned(row: number): Rows {
  const { values, ...rest } = makeRows(40, 20);
  values[row * 20 + 3] = Number.NaN;
  return { ...rest, values };
}

describe.each(CREWS)("%s", (workers) => {
  test("a huge learning rate stops the run at the step that shows it", async () => {
    const vae = await Vae.create(config);
    const before = vae.tensors();
    const trainer = await createTrainer(vae, rows, { workers, batchSize: 8, learningRate: 1e30 });
    const run = within(5000, trainer.runEpoch());
    await expect(run).rejects.toThrow(DivergedError);
    await expect(run).rejects.toThrow(
      /^the loss at step 2 of 5 in epoch 1: expected a finite number, found (NaN|Infinity); try a learning rate below 1e\+30$/,
    );
    expect(vae.tensors()).toEqual(before);
    trainer.dispose();
  });

  test("a row of NaN is refused before it can do any harm", async () => {
    const vae = await Vae.create(config);
    const before = vae.tensors();
    const refused = createTrainer(vae, poisoned(7), { workers, batchSize: 8 });
    await expect(refused).rejects.toThrow(
      "row 7 of the training rows: expected numbers from 0 to 1 (bernoulli likelihood), found NaN",
    );
    expect(vae.tensors()).toEqual(before);
  });

  test("parameters that blow up in the last step of an epoch do not pass for an epoch", async () => {
    const vae = await Vae.create(config);
    const before = vae.tensors();
    const options = { workers, batchSize: 40, learningRate: 1e30, test: rows };
    const trainer = await createTrainer(vae, rows, options);
    const run = within(5000, trainer.runEpoch());
    await expect(run).rejects.toThrow(DivergedError);
    await expect(run).rejects.toThrow(
      /^the test loss at step 1 of 1 in epoch 1: expected a finite number, found (NaN|Infinity); try a learning rate below 1e\+30$/,
    );
    expect(vae.tensors()).toEqual(before);
    trainer.dispose();
  });
});

/** Widths that pad their last panel by 15, 8 and 1: NaN fills the padding, and lists are made of whole panels. */
test.each([385, 392, 399])("NaN in a hidden layer of %i spills nowhere", async (width) => {
  changeCompiler({ asked: () => ({ tile: "6x16" }) });
  const huge = makeRows(128, 200);
  huge.values.fill(3e38, 127 * 200);
  const vae = await Vae.create({ inputDim: 200, hidden: [width], likelihood: "gaussian" });
  for (const workers of CREWS) {
    const trainer = await createTrainer(vae, huge, { workers });
    await expect(within(5000, trainer.runEpoch())).rejects.toThrow(DivergedError);
    trainer.dispose();
  }
});

test("train() passes it on and ends the workers", async () => {
  const workers = watchWorkers();
  const vae = await Vae.create(config);
  const run = async (): Promise<void> => {
    for await (const _ of train(vae, rows, { batchSize: 8, learningRate: 1e30, workers: 2 })) {
      expect.unreachable("no epoch ends well");
    }
  };
  await expect(run()).rejects.toThrow(DivergedError);
  expect(workers).toHaveLength(2);
  await within(2000, Promise.all(workers.map(({ ended }) => ended)));
});
