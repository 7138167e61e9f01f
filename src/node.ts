/**
 * `elbow-vae` in Node, and in Deno and Bun, which have Node's modules.
 *
 * @module elbow-vae
 */

import { availableParallelism } from "node:os";
import process from "node:process";
import { ConfigError } from "./errors.ts";
import { useThreads } from "./train/crew.ts";
import { startPool } from "./train/pool.ts";
import { spawnNode } from "./train/spawn-node.ts";
import type { Arithmetic } from "./wasm/builds.ts";
import { compileNode } from "./wasm/compile-node.ts";
import { currentEngine } from "./wasm/engine-node.ts";
import { usePlatform } from "./wasm/platform.ts";
import { chooseTile } from "./wasm/tiles.ts";

function askedArithmetic(): Arithmetic | undefined {
  const asked = process.env.ELBOW_KERNELS;
  if (asked === undefined || asked === "") return undefined;
  if (asked === "simd" || asked === "relaxed") return asked;
  throw new ConfigError(`ELBOW_KERNELS must be simd or relaxed, not ${asked}`);
}

usePlatform({
  compile: compileNode,
  arithmetic: askedArithmetic,
  tile: (arithmetic) => chooseTile(arithmetic, currentEngine()),
});
useThreads({ cores: availableParallelism, start: startPool(spawnNode) });

export type { OnProgress } from "./data/download.ts";
export { digits, fashionMnist, type LoadOptions, loadDataset, mnist } from "./data/load-node.ts";
export { DataUnavailableError } from "./data/unavailable.ts";
export * from "./library.ts";
export * from "./tools.ts";
export { tuneEngine } from "./wasm/engine-node.ts";
export type { Engine } from "./wasm/tiles.ts";
