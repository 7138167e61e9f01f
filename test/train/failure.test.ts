import { Worker } from "node:worker_threads";
import nodeEndpoint from "comlink/dist/esm/node-adapter.mjs";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  ConfigError,
  MemoryLimitError,
  type Rows,
  Trainer,
  Vae,
  type VaeConfig,
  WorkerError,
} from "../../src/node.ts";
import type { SpawnedWorker } from "../../src/train/pool.ts";
import { createTrainer, makeRows } from "../support/training.ts";
import { within } from "../support/within.ts";
import { type Watched, watchWorkers } from "../support/workers.ts";

const PATIENCE_MS = 2000;
const BUSY = /^the trainer: expected no epoch under way, found one$/;

const config: VaeConfig = {
  inputDim: 64,
  inputShape: [64],
  hidden: [64],
  latentDim: 2,
  activation: "relu",
  likelihood: "bernoulli",
  seed: 0,
};
const long = makeRows(20_000, 64, { bytes: true });
const short = makeRows(64, 64, { bytes: true });

/** A thread that runs a line of its own in place of a worker's program. */
function threadOf(code: string): SpawnedWorker {
  const worker = new Worker(code, { eval: true });
  return {
    endpoint: nodeEndpoint(worker),
    onFailure(report) {
      worker.once("error", (error) => report(error instanceof Error ? error.message : String(error)));
      worker.once("exit", (code) => report(`it ended with exit code ${code}`));
    },
    hold: () => {},
    terminate: () => void worker.terminate(),
  };
}

/** A worker in which a call throws: it is sent the name of a method that it does not have. */
function throwingIn(method: string, worker: SpawnedWorker): SpawnedWorker {
  const { endpoint } = worker;
  const postMessage: typeof endpoint.postMessage = (message, transfer) => {
    const poisoned = Array.isArray(message?.path) && message.path.join() === method;
    endpoint.postMessage(poisoned ? { ...message, path: ["poison"] } : message, transfer);
  };
  return { ...worker, endpoint: { ...endpoint, postMessage } };
}

async function expectAllEnded(workers: readonly Watched[], count: number): Promise<void> {
  expect(workers).toHaveLength(count);
  await within(PATIENCE_MS, Promise.all(workers.map(({ ended }) => ended)));
}

/** Epoch after epoch, until something ends it. */
async function runForEver(trainer: Trainer): Promise<never> {
  while (true) await trainer.runEpoch();
}

async function start(rows: Rows, workers: number, batchSize = 64): Promise<Trainer> {
  const options = { workers, batchSize, test: short };
  const trainer = await Trainer.create(await Vae.create(config), rows, options);
  onTestFinished(() => trainer.dispose());
  return trainer;
}

describe.each([1, 2, 3])("one of %i workers", (size) => {
  const victim = size - 1;

  test("dies while it trains: the run ends, the others with it", async () => {
    const workers = watchWorkers();
    const run = runForEver(await start(long, size));
    setTimeout(() => workers[victim].worker.terminate(), 50);
    await expect(within(PATIENCE_MS, run)).rejects.toThrow(WorkerError);
    await expect(run).rejects.toThrow(
      `worker ${victim} of ${size}: expected no failure, found one (it ended with exit code 1)`,
    );
    await expectAllEnded(workers, size);
  });

  test("dies between two epochs: the next one does not begin", async () => {
    const workers = watchWorkers();
    const trainer = await start(short, size);
    expect(await trainer.runEpoch()).toBeDefined();
    workers[victim].worker.terminate();
    await within(PATIENCE_MS, workers[victim].ended);
    await expect(within(PATIENCE_MS, trainer.runEpoch())).rejects.toThrow(WorkerError);
    await expectAllEnded(workers, size);
  });

  test.each(["train", "evaluate"])("throws in %s while the others wait for it", async (method) => {
    const workers = watchWorkers((rank, spawn) => (rank === victim ? throwingIn(method, spawn()) : spawn()));
    const trainer = await start(short, size);
    const run = trainer.runEpoch();
    await expect(within(PATIENCE_MS, run)).rejects.toThrow(WorkerError);
    await expect(run).rejects.toThrow(/^a worker: expected no failure, found one \(.+\)$/);
    await expectAllEnded(workers, size);
  });

  test.each([
    ["throws", "throw new Error('poison')", "poison"],
    ["exits", "process.exit(3)", "it ended with exit code 3"],
  ])("%s before it has joined", async (_, code, reason) => {
    const workers = watchWorkers((rank, spawn) => (rank === victim ? threadOf(code) : spawn()));
    await expect(within(PATIENCE_MS, start(short, size))).rejects.toThrow(WorkerError);
    await expectAllEnded(workers, size);
    const again = watchWorkers((rank, spawn) => (rank === victim ? threadOf(code) : spawn()));
    await expect(start(short, size)).rejects.toThrow(
      `worker ${victim} of ${size}: expected no failure, found one (${reason})`,
    );
    await expectAllEnded(again, size);
  });
});

describe("after the end", () => {
  test.each(["train", "evaluate"])("of a run whose worker threw in %s, nothing hangs", async (method) => {
    watchWorkers((rank, spawn) => (rank === 1 ? throwingIn(method, spawn()) : spawn()));
    const trainer = await start(short, 2);
    await expect(trainer.runEpoch()).rejects.toThrow(WorkerError);
    await expect(within(PATIENCE_MS, trainer.runEpoch())).rejects.toThrow(WorkerError);
  });

  test("of a run that was disposed of, nothing hangs", async () => {
    const workers = watchWorkers();
    const trainer = await start(short, 2);
    trainer.dispose();
    trainer.dispose();
    await expectAllEnded(workers, 2);
    await expect(within(PATIENCE_MS, trainer.runEpoch())).rejects.toThrow(WorkerError);
  });

  test("the model keeps the parameters of the last whole epoch", async () => {
    const workers = watchWorkers();
    const vae = await Vae.create(config);
    const trainer = await createTrainer(vae, short, { workers: 2, batchSize: 16 });
    await trainer.runEpoch();
    const kept = vae.tensors();
    workers[0].worker.terminate();
    await expect(trainer.runEpoch()).rejects.toThrow(WorkerError);
    expect(vae.tensors()).toEqual(kept);
    expect(vae.losses(short.values).kl.every(Number.isFinite)).toBe(true);
  });
});

describe("what cannot be trained", () => {
  test("rows that do not fit the model, or are none", async () => {
    const vae = await Vae.create(config);
    await expect(Trainer.create(vae, makeRows(5, 63))).rejects.toThrow(
      "dim of the training rows: expected 64 (the model's inputDim), found 63",
    );
    await expect(Trainer.create(vae, short, { test: makeRows(5, 65) })).rejects.toThrow(
      "dim of the test rows: expected 64 (the model's inputDim), found 65",
    );
    await expect(Trainer.create(vae, makeRows(0, 64))).rejects.toThrow(ConfigError);
    await expect(Trainer.create(vae, makeRows(0, 64))).rejects.toThrow(
      /^count of the training rows: expected a whole number from 1 .*, found 0$/,
    );
    const bare = new Float32Array(64) as unknown as typeof short;
    await expect(Trainer.create(vae, bare)).rejects.toThrow(
      "values of the training rows: expected a Float32Array or a Uint8Array (row-major), found Function",
    );
    const bytesAsFloats = { values: new Float32Array(64).fill(255), count: 1, dim: 64 };
    await expect(Trainer.create(vae, bytesAsFloats)).rejects.toThrow(
      "row 0 of the training rows: expected numbers from 0 to 1 (bernoulli likelihood), found 255",
    );
    const cut = { ...short, count: 65 };
    await expect(Trainer.create(vae, cut)).rejects.toThrow(
      "count of the training rows: expected a whole number from 1 with count × 64 = 4096 (the length of values), found 65",
    );
    const list = { ...short, values: [...short.values] as unknown as Float32Array };
    await expect(Trainer.create(vae, list)).rejects.toThrow(
      "values of the training rows: expected a Float32Array or a Uint8Array (row-major), found Array",
    );
  });

  test.each([
    [{ batchSize: 0 }, /^batchSize: expected .*, found 0$/],
    [{ learningRate: Number.NaN }, /^learningRate: expected .*, found NaN$/],
    [{ workers: 0 }, /^workers: expected .*, found 0$/],
    [{ workers: 1.5 }, /^workers: expected .*, found 1.5$/],
  ])("settings %j", async (options, message) => {
    const workers = watchWorkers();
    const vae = await Vae.create(config);
    await expect(Trainer.create(vae, short, options)).rejects.toThrow(ConfigError);
    await expect(Trainer.create(vae, short, options)).rejects.toThrow(message);
    expect(workers).toHaveLength(0);
  });

  test("what needs more memory than WebAssembly can have says so and starts nothing", async () => {
    const workers = watchWorkers();
    const vae = await Vae.create({ inputDim: 64, hidden: [4096, 4096] });
    const options = { batchSize: 65536 };
    await expect(Trainer.create(vae, short, options)).rejects.toThrow(MemoryLimitError);
    await expect(Trainer.create(vae, short, options)).rejects.toThrow(
      /^memory: expected at most 4,096 MiB \(the limit of WebAssembly\), found a need of [\d,]+ MiB \([\d,]+ MiB of it for [^)]+\); use fewer or smaller layers, a smaller batch or fewer rows$/,
    );
    expect(workers).toHaveLength(0);
  });
});

function disposed(trainer: Trainer): Trainer {
  onTestFinished(() => trainer.dispose());
  return trainer;
}

describe("what a program does while an epoch is under way", () => {
  test("a second epoch and a state are refused, and the first is not disturbed", async () => {
    const start = async () => disposed(await createTrainer(await Vae.create(config), long, { workers: 2 }));
    const [alone, disturbed] = [await start(), await start()];
    const expected = await alone.runEpoch();
    const epoch = disturbed.runEpoch();
    await expect(disturbed.runEpoch()).rejects.toThrow(BUSY);
    expect(() => disturbed.state()).toThrow(BUSY);
    expect((await epoch)!.trainLoss).toBe(expected!.trainLoss);
    expect(disturbed.state().parameters).toEqual(alone.state().parameters);
    expect((await disturbed.runEpoch())!.epoch).toBe(2);
  });

  test.each([1, 2, "inline"] as const)(
    "an exception in onProgress rejects the epoch, workers %s",
    async (workers) => {
      const error = new Error("mine");
      const onProgress = () => {
        throw error;
      };
      const vae = await Vae.create(config);
      const trainer = disposed(await createTrainer(vae, long, { workers, onProgress, batchSize: 1 }));
      await expect(trainer.runEpoch()).rejects.toBe(error);
      const { epoch, step } = trainer.state();
      expect(epoch).toBe(0);
      expect(step).toBeGreaterThan(0);
      expect(step).toBeLessThan(trainer.steps); // in the middle of it, from a timer
      await expect(trainer.runEpoch()).rejects.toBe(error);
    },
  );
});
