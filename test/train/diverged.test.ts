import { describe, expect, test } from "vitest";
import { DivergedError, type Rows, trace, train, Vae, type VaeConfig } from "../../src/node.ts";
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

describe("the advice fits the cause", () => {
  const gaussian = { ...config, likelihood: "gaussian" } as const;
  const large = (): Rows => ({ ...rows, values: rows.values.map((value) => 1e25 * value) });
  const lossAtStep1 = "the loss at step 1 of 5 in epoch 1: expected a finite number, found";

  test("data of a large range is to be scaled", async () => {
    const trainer = await createTrainer(await Vae.create(gaussian), large(), {
      workers: "inline",
      batchSize: 8,
    });
    const run = trainer.runEpoch();
    await expect(run).rejects.toThrow(lossAtStep1);
    await expect(run).rejects.toThrow(/; scale the data, whose numbers reach 9.99e\+24, to about 1$/);
    const traced = trace(await Vae.create(gaussian), large(), { batchSize: 8 });
    await expect(traced).rejects.toThrow(
      /^the loss at step 1: .*; scale the data, whose numbers reach 9.99e\+24/,
    );
  });

  test("weights that begin too large are to be replaced: no learning rate has changed them", async () => {
    const vae = await Vae.create(config);
    const weights = vae.tensors();
    for (const { data } of weights) data.fill(1e30);
    vae.setTensors(new Map(weights.map((tensor) => [tensor.name, tensor])));
    const trainer = await createTrainer(vae, rows, { workers: "inline", batchSize: 8 });
    const run = trainer.runEpoch();
    await expect(run).rejects.toThrow(lossAtStep1);
    await expect(run).rejects.toThrow(/; start from other weights$/);
  });
});

test("a moment of Adam that is not finite does not pass for an epoch: no checkpoint could hold it", async () => {
  const { inputDim } = config;
  const values = new Float32Array(8 * inputDim).fill(3e18);
  const vae = await Vae.create({ ...config, likelihood: "gaussian" });
  const weights = vae.tensors();
  for (const { name, data } of weights) if (name.startsWith("fc_")) data.fill(0);
  vae.setTensors(new Map(weights.map((tensor) => [tensor.name, tensor])));
  const options = { workers: "inline", batchSize: 8, learningRate: 1e-9 } as const;
  const trainer = await createTrainer(vae, { values, count: 8, dim: inputDim }, options);
  await expect(trainer.runEpoch()).rejects.toThrow(
    /^Adam's second moment at step 1 of 1 in epoch 1: expected a finite number, found Infinity; scale the data/,
  );
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
