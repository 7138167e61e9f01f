import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import nodeEndpoint from "comlink/dist/esm/node-adapter.mjs";
import { describe, expect, onTestFinished, test } from "vitest";
import { Trainer, Vae, WorkerError } from "../../src/node.ts";
import type { SpawnedWorker } from "../../src/train/pool.ts";
import { createTrainer, makeRows } from "../support/training.ts";
import { within } from "../support/within.ts";
import { watchWorkers } from "../support/workers.ts";

const PATIENCE_MS = 30_000;
const rows = makeRows(64, 64);
const long = makeRows(40_000, 64);

async function refusal(promise: Promise<unknown>): Promise<WorkerError> {
  const error = await within(
    PATIENCE_MS,
    promise.then(
      () => undefined,
      (thrown: unknown) => thrown,
    ),
  );
  expect(error).toBeInstanceOf(WorkerError);
  return error as WorkerError;
}

async function start(data = rows, workers = 2): Promise<Trainer> {
  const trainer = await Trainer.create(await Vae.create({ inputDim: 64, hidden: [32] }), data, { workers });
  onTestFinished(() => trainer.dispose());
  return trainer;
}

/** A thread that runs a line of its own in place of a worker's program. */
function threadOf(code: string): SpawnedWorker {
  const worker = new Worker(code, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 8 } });
  return {
    endpoint: nodeEndpoint(worker),
    onFailure(report) {
      worker.on("error", (error) => report((error as Error).message));
      worker.on("exit", (code) => report(`it ended with exit code ${code}`));
    },
    hold: (on) => (on ? worker.ref() : worker.unref()),
    terminate: () => void worker.terminate(),
  };
}

describe("a system that starts no further thread", () => {
  const SIZE = 4;

  test.each([0, 1, 2, 3])("after %i: it says how many there are, and they are ended", async (started) => {
    const workers = watchWorkers((rank, spawn) => {
      if (rank === started) throw new Error("Worker initialization failure: EAGAIN");
      return spawn();
    });
    const { message } = await refusal(start(rows, SIZE));
    expect(message).toBe(
      `workers: expected ${SIZE} threads, found ${started} (Worker initialization failure: EAGAIN); use fewer, or let the system allow more`,
    );
    expect(workers).toHaveLength(started);
    await within(PATIENCE_MS, Promise.all(workers.map(({ ended }) => ended)));
  });

  test("and says so only later", async () => {
    const late = "setTimeout(() => { throw new Error('Worker initialization failure: EAGAIN'); })";
    const workers = watchWorkers((rank, spawn) => (rank === 2 ? threadOf(late) : spawn()));
    const { message } = await refusal(start(rows, SIZE));
    expect(message).toMatch(/^workers: expected 4 threads, found 2 \(.*EAGAIN\); use fewer/);
    await within(PATIENCE_MS, Promise.all(workers.map(({ ended }) => ended)));
  });
});

test("a worker without memory ends the run on one line", async () => {
  // small objects: with large arrays V8 may collect for minutes at the limit, which is the watchdog's case
  watchWorkers((rank, spawn) =>
    rank === 1 ? threadOf("const all = []; for (;;) all.push({ length: all.length })") : spawn(),
  );
  const { message } = await refusal(start());
  expect(message).toMatch(/^worker 1 of 2: expected no failure, found one \([^\n]*memory[^\n]*\)$/);
});

describe("a worker that makes no progress", () => {
  // a thread takes its time to start
  const PATIENCE = 1200;

  /** A worker that never sees a call of a method. */
  function deafTo(method: string, worker: SpawnedWorker): SpawnedWorker {
    const { endpoint } = worker;
    const postMessage: typeof endpoint.postMessage = (message, transfer) => {
      if (!(Array.isArray(message?.path) && message.path.join() === method)) {
        endpoint.postMessage(message, transfer);
      }
    };
    return { ...worker, endpoint: { ...endpoint, postMessage } };
  }

  test.each([
    [1, 0, "train"],
    [2, 1, "train"],
    [3, 1, "train"],
    [2, 1, "evaluate"],
    [3, 0, "join"],
  ])("of %i, number %i in %s, is named, and all end", async (size, victim, method) => {
    const workers = watchWorkers(
      (rank, spawn) => (rank === victim ? deafTo(method, spawn()) : spawn()),
      PATIENCE,
    );
    const run = (async () => {
      const vae = await Vae.create({ inputDim: 64, hidden: [32] });
      const trainer = await Trainer.create(vae, rows, { workers: size, test: rows });
      while (true) await trainer.runEpoch();
    })();
    const { message } = await refusal(run);
    expect(message).toMatch(
      new RegExp(`^worker ${victim} of ${size}: expected progress, found none for [\\d.]+ s$`),
    );
    await within(PATIENCE_MS, Promise.all(workers.map(({ ended }) => ended)));
  });

  test("is ended in the middle of an endless loop", async () => {
    const workers = watchWorkers((rank, spawn) => (rank === 1 ? threadOf("for (;;);") : spawn()), PATIENCE);
    expect((await refusal(start())).message).toMatch(/^worker 1 of 2: expected progress, found none for/);
    await within(PATIENCE_MS, Promise.all(workers.map(({ ended }) => ended)));
  });
});

describe("await using", () => {
  test.each([2, "inline"] as const)("stops the epoch at hand, workers %s, and ends", async (workers) => {
    const vae = await Vae.create({ inputDim: 64, hidden: [32] });
    const before = vae.tensors();
    let trainer: Trainer;
    let epoch: Promise<unknown>;
    {
      await using own = await createTrainer(vae, long, { workers, batchSize: 16 });
      trainer = own;
      epoch = own.runEpoch();
      await sleep(20);
    }
    expect(await within(PATIENCE_MS, epoch)).toBeUndefined();
    const { epoch: done, step } = trainer.state();
    expect([done, step]).toEqual([0, expect.any(Number)]);
    expect(step).toBeLessThan(trainer.steps);
    expect(vae.tensors()).not.toEqual(before);
    await expect(trainer.runEpoch()).rejects.toThrow(
      "the trainer: expected one in use, found a disposed one",
    );
  });

  test("leaves an error of the epoch to whoever awaits it", async () => {
    const workers = watchWorkers();
    const trainer = await start(long);
    const epoch = trainer.runEpoch();
    workers[0].worker.terminate();
    await trainer[Symbol.asyncDispose]();
    await expect(epoch).rejects.toThrow(WorkerError);
    await within(PATIENCE_MS, Promise.all(workers.map(({ ended }) => ended)));
  });

  test("of one that does nothing ends the workers", async () => {
    const workers = watchWorkers();
    await (await start())[Symbol.asyncDispose]();
    await within(PATIENCE_MS, Promise.all(workers.map(({ ended }) => ended)));
  });
});
