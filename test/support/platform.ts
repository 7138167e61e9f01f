import { availableParallelism } from "node:os";
import { onTestFinished } from "vitest";
import "../../src/node.ts";
import { type Threads, useThreads } from "../../src/train/crew.ts";
import { startPool } from "../../src/train/pool.ts";
import { spawnNode } from "../../src/train/spawn-node.ts";
import { type Platform, platform, usePlatform } from "../../src/wasm/platform.ts";

/** Node's platform with changes, until the test is over. */
export function changePlatform(change: Partial<Platform>): void {
  const before = platform();
  usePlatform({ ...before, ...change });
  onTestFinished(() => usePlatform(before));
}

const THREADS: Threads = { cores: availableParallelism, start: startPool(spawnNode) };

/** Node's threads with changes, until the test is over. */
export function changeThreads(change: Partial<Threads>): void {
  useThreads({ ...THREADS, ...change });
  onTestFinished(() => useThreads(THREADS));
}
