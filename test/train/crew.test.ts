import { afterEach, describe, expect, test, vi } from "vitest";
import { ConfigError, Trainer, Vae, WorkerError } from "../../src/node.ts";
import { changeThreads } from "../support/platform.ts";
import { makeRows } from "../support/training.ts";
import { watchWorkers } from "../support/workers.ts";

const rows = makeRows(32, 8);
const vae = await Vae.create({ inputDim: 8, hidden: [8] });

async function workersOf(options: { workers?: number }): Promise<number> {
  const trainer = await Trainer.create(vae, rows, options);
  trainer.dispose();
  return trainer.workers;
}

afterEach(() => vi.unstubAllGlobals());

describe("on this thread", () => {
  const alone = { workers: 1 };

  test("a large model's training stops after the step at hand", async () => {
    vi.stubGlobal("crossOriginIsolated", false);
    const large = await Vae.create({ inputDim: 512, hidden: [512] });
    let steps = 0;
    const trainer = await Trainer.create(large, makeRows(4096, 512), {
      ...alone,
      batchSize: 256,
      onProgress: ({ step }) => {
        steps = step;
      },
    });
    const controller = new AbortController();
    setTimeout(() => controller.abort());
    expect(await trainer.runEpoch(controller.signal)).toBeUndefined();
    expect(steps).toBeLessThan(16);
  });

  test("a trainer that was disposed of trains no more", async () => {
    vi.stubGlobal("crossOriginIsolated", false);
    const trainer = await Trainer.create(vae, rows, alone);
    trainer.dispose();
    const refused = trainer.runEpoch();
    await expect(refused).rejects.toThrow(WorkerError);
    await expect(refused).rejects.toThrow(
      "the trainer: expected one in use, found a disposed one; create another",
    );
  });
});

test("a machine with very many cores gets as many workers as there can be", async () => {
  changeThreads({
    cores: () => 384,
    start: async ({ size }) => ({ train: async () => {}, evaluate: async () => {}, dispose: () => {}, size }),
  });
  expect(await workersOf({})).toBe(256);
});

describe("where memory can be shared", () => {
  test("there are as many workers as asked for, or as there are cores", async () => {
    changeThreads({ cores: () => 3 });
    const started = watchWorkers();
    expect(await workersOf({ workers: 2 })).toBe(2);
    expect(started).toHaveLength(2);
  });

  test("all cores where nothing is said", async () => {
    changeThreads({ cores: () => 3 });
    expect(await workersOf({})).toBe(3);
  });
});

describe.each([
  ["a page that is not cross-origin isolated", "crossOriginIsolated", false],
  ["an engine without shared memory", "SharedArrayBuffer", undefined],
])("in %s", (_, name, value) => {
  test("this thread trains, and no worker is started", async () => {
    const started = watchWorkers();
    vi.stubGlobal(name, value);
    expect(await workersOf({})).toBe(1);
    expect(await workersOf({ workers: 1 })).toBe(1);
    expect(started).toHaveLength(0);
  });

  test("asking for more is refused, with the headers that it takes", async () => {
    vi.stubGlobal(name, value);
    await expect(workersOf({ workers: 2 })).rejects.toThrow(ConfigError);
    await expect(workersOf({ workers: 2 })).rejects.toThrow(
      "workers: expected 1 (memory cannot be shared here), found 2; serve the page with " +
        "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp",
    );
    await expect(workersOf({ workers: 0 })).rejects.toThrow(/^workers: expected .*, found 0$/);
  });
});
