import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Watchdog } from "../../src/train/watchdog.ts";

const PATIENCE = 60_000;
let suspended = 0;

beforeEach(() => {
  vi.useFakeTimers();
  suspended = 0;
  const { now } = performance;
  vi.spyOn(performance, "now").mockImplementation(() => now.call(performance) + suspended);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function watch(workers: number) {
  const beats = Array.from({ length: workers }, () => new Int32Array(new SharedArrayBuffer(4)));
  const stuck = vi.fn<(rank: number, milliseconds: number) => void>();
  const busy = new Set(beats.keys());
  const watchdog = new Watchdog({ beats, patience: PATIENCE, stuck });
  watchdog.start(busy);
  return { beats, busy, stuck, watchdog };
}

describe("workers are given up", () => {
  test("when none has made progress for longer than the patience, and the last of them is named", () => {
    const { beats, stuck } = watch(3);
    for (const [rank, beat] of beats.entries()) beat[0] = rank === 1 ? 6 : 7;
    vi.advanceTimersByTime(PATIENCE);
    expect(stuck).not.toHaveBeenCalled();
    vi.advanceTimersByTime(3000);
    expect(stuck).toHaveBeenCalledExactlyOnceWith(1, expect.closeTo(PATIENCE, -4));
    vi.advanceTimersByTime(10 * PATIENCE);
    expect(stuck).toHaveBeenCalledOnce();
  });

  test("never one that is done", () => {
    const { beats, busy, stuck } = watch(2);
    beats[1]![0] = 5;
    busy.delete(0);
    vi.advanceTimersByTime(PATIENCE + 3000);
    expect(stuck).toHaveBeenCalledExactlyOnceWith(1, expect.any(Number));
  });
});

describe("workers are not given up", () => {
  test("while one of them makes progress, now and then", () => {
    const { beats, stuck } = watch(2);
    for (let i = 0; i < 20; i++) {
      beats[0]![0]! += 1;
      vi.advanceTimersByTime(PATIENCE - 2000);
    }
    expect(stuck).not.toHaveBeenCalled();
  });

  test("for less than ten times the longest wait so far", () => {
    const { beats, stuck } = watch(1);
    vi.advanceTimersByTime(PATIENCE - 2000);
    beats[0]![0] = 1;
    vi.advanceTimersByTime(9 * PATIENCE);
    expect(stuck).not.toHaveBeenCalled();
    vi.advanceTimersByTime(PATIENCE);
    expect(stuck).toHaveBeenCalledOnce();
  });

  test("for time in which the process was suspended", () => {
    const { stuck } = watch(1);
    for (let i = 0; i < 10; i++) {
      suspended += 10 * PATIENCE;
      vi.advanceTimersByTime(2000);
    }
    expect(stuck).not.toHaveBeenCalled();
  });

  test("once they are done", () => {
    const { stuck, watchdog } = watch(1);
    watchdog.stop();
    vi.advanceTimersByTime(10 * PATIENCE);
    expect(stuck).not.toHaveBeenCalled();
  });
});
