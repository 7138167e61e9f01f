/**
 * `elbow-vae` in Node, and in Deno and Bun, which have Node's modules.
 *
 * @module elbow-vae
 */

import { availableParallelism } from "node:os";
import process from "node:process";
import { isRight } from "./model/self-check.ts";
import { useThreads } from "./train/crew.ts";
import { startPool } from "./train/pool.ts";
import { spawnNode } from "./train/spawn-node.ts";
import { askedKernels } from "./wasm/asked-node.ts";
import { compileNode } from "./wasm/compile-node.ts";
import { currentEngine, narrowEngine } from "./wasm/engine-node.ts";
import { kernelLoader } from "./wasm/load.ts";
import { usePlatform } from "./wasm/platform.ts";

const load = kernelLoader({
  compile: compileNode,
  isRight,
  asked: askedKernels,
  engine: currentEngine,
  narrow: narrowEngine,
  warn: (message) => process.emitWarning(message, "ElbowWarning"),
});
usePlatform({ load, asked: askedKernels });
useThreads({ cores: availableParallelism, start: startPool(spawnNode) });

export type { OnProgress } from "./data/download.ts";
export { digits, fashionMnist, type LoadOptions, loadDataset, mnist } from "./data/load-node.ts";
export { DataUnavailableError } from "./data/unavailable.ts";
export * from "./library.ts";
export * from "./tools.ts";
export { tuneEngine } from "./wasm/engine-node.ts";
export type { Engine } from "./wasm/tiles.ts";
