import { availableParallelism } from "node:os";
import { onTestFinished } from "vitest";
import "../../src/node.ts";
import { isRight } from "../../src/model/self-check.ts";
import { type Threads, useThreads } from "../../src/train/crew.ts";
import { startPool } from "../../src/train/pool.ts";
import { spawnNode } from "../../src/train/spawn-node.ts";
import { askedKernels } from "../../src/wasm/asked-node.ts";
import { compileNode } from "../../src/wasm/compile-node.ts";
import { currentEngine, narrowEngine } from "../../src/wasm/engine-node.ts";
import { type Compiler, kernelLoader } from "../../src/wasm/load.ts";
import { platform, usePlatform } from "../../src/wasm/platform.ts";

const COMPILER: Compiler = {
  compile: compileNode,
  isRight,
  asked: askedKernels,
  engine: currentEngine,
  narrow: narrowEngine,
  warn: (message) => console.warn(message),
};

/** Node's way to kernels with changes, until the test is over. */
export function changeCompiler(change: Partial<Compiler>): void {
  const before = platform();
  const compiler = { ...COMPILER, ...change };
  usePlatform({ load: kernelLoader(compiler), asked: compiler.asked });
  onTestFinished(() => usePlatform(before));
}

const THREADS: Threads = { cores: availableParallelism, start: startPool(spawnNode) };

/** Node's threads with changes, until the test is over. */
export function changeThreads(change: Partial<Threads>): void {
  useThreads({ ...THREADS, ...change });
  onTestFinished(() => useThreads(THREADS));
}
