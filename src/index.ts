/**
 * `elbow-vae` in browsers. What differs from Node's: datasets are fetched, not read from files.
 *
 * @module elbow-vae (browser)
 */

import { isRight } from "./model/self-check.ts";
import { useThreads } from "./train/crew.ts";
import { startPool } from "./train/pool.ts";
import { spawnWeb } from "./train/spawn-web.ts";
import { compileWeb } from "./wasm/compile-web.ts";
import { kernelLoader } from "./wasm/load.ts";
import { usePlatform } from "./wasm/platform.ts";

const asked = () => ({});
const load = kernelLoader({
  compile: compileWeb,
  isRight,
  asked,
  engine: () => ({ revectorized: false }),
  narrow: () => {},
  warn: (message) => console.warn(message),
});
usePlatform({ load, asked });
useThreads({ cores: () => navigator.hardwareConcurrency, start: startPool(spawnWeb) });

export type { OnProgress } from "./data/download.ts";
export { digits, fashionMnist, type LoadOptions, mnist } from "./data/load-web.ts";
export { DataUnavailableError } from "./data/unavailable.ts";
export * from "./library.ts";
export * from "./tools.ts";
