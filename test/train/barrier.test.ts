import { Worker } from "node:worker_threads";
import { describe, expect, onTestFinished, test } from "vitest";
import { WorkerError } from "../../src/errors.ts";
import { abort, Barrier } from "../../src/train/barrier.ts";
import { CONTROL_BYTES, WORD } from "../../src/train/control.ts";
import { within } from "../support/within.ts";
import type { BarrierReport, BarrierTask } from "./barrier-thread.ts";

const PATIENCE_MS = 10_000;

function sharedWords(count = CONTROL_BYTES / 4): Int32Array {
  return new Int32Array(new SharedArrayBuffer(count * 4));
}

function startThread(task: BarrierTask): Promise<BarrierReport> {
  const worker = new Worker(new URL("./barrier-thread.ts", import.meta.url), { workerData: task });
  onTestFinished(() => void worker.terminate());
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

function startThreads(threads: number, task: Omit<BarrierTask, "slow">): Promise<BarrierReport[]> {
  return Promise.all(Array.from({ length: threads }, (_, i) => startThread({ ...task, slow: i === 1 })));
}

/** Resolves when a shared word has the value. */
async function untilWord(words: Int32Array, index: number, value: number): Promise<void> {
  while (Atomics.load(words, index) !== value) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe.each([0, 50, 20_000])("threads that look %i times before they sleep", (spins) => {
  test.each([2, 3, 5])("%i of them stay in step, and one decides for all", async (size) => {
    const rounds = 200;
    const [words, counts] = [sharedWords(), sharedWords(2 * rounds + 1)];
    const reports = await within(PATIENCE_MS, startThreads(size, { words, counts, size, spins, rounds }));
    expect(reports).toEqual(Array.from({ length: size }, () => ({ violations: 0 })));
    expect([...counts.subarray(0, rounds)]).toEqual(new Array(rounds).fill(size));
    expect([...counts.subarray(rounds, 2 * rounds)]).toEqual(new Array(rounds).fill(1));
    expect(words[WORD.generation]).toBe(rounds);
    expect(words[WORD.arrived]).toBe(0);
    expect(words[WORD.sleepers]).toBe(0);
  });

  test("an abort wakes those who wait for one that never comes", async () => {
    const [words, counts] = [sharedWords(), sharedWords(3)];
    const reports = startThreads(2, { words, counts, size: 3, spins, rounds: 1 });
    await within(PATIENCE_MS, untilWord(words, WORD.sleepers, 2));
    abort(words);
    const thrown = { violations: 0, error: "WorkerError" };
    expect(await within(PATIENCE_MS, reports)).toEqual([thrown, thrown]);
  });
});

describe("alone", () => {
  test("nobody waits, and every wait decides", () => {
    const words = sharedWords();
    const barrier = new Barrier(words, 1, 0);
    let decisions = 0;
    for (let round = 0; round < 5; round++) barrier.wait(() => decisions++);
    barrier.wait();
    expect(decisions).toBe(5);
    expect(words[WORD.generation]).toBe(6);
  });

  test("after an abort every wait throws", () => {
    const words = sharedWords();
    const barrier = new Barrier(words, 1, 0);
    abort(words);
    expect(() => barrier.wait()).toThrow(WorkerError);
    expect(() => barrier.wait()).toThrow(
      "the barrier: expected every worker to arrive, found a run aborted by another worker",
    );
  });

  test("a memory that is not shared will do", () => {
    const barrier = new Barrier(new Int32Array(CONTROL_BYTES / 4), 1, 0);
    expect(() => barrier.wait()).not.toThrow();
  });
});
