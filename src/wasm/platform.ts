import type { Endpoint } from "comlink";
import { KernelError } from "../errors.ts";
import type { Arithmetic, KernelBuild } from "./builds.ts";
import type { TileName } from "./kernels.ts";

/** A worker as the pool sees it: somewhere to send messages, a way to hear of its death, and an end. */
export interface SpawnedWorker {
  /** What comlink talks to. */
  readonly endpoint: Endpoint;
  /** Calls back once, should the worker end or fail on its own. */
  onFailure(report: (reason: string) => void): void;
  terminate(): void;
}

/** What differs between Node and browsers. The entry that is imported provides it. */
export interface Platform {
  /** Compiles one of the package's kernel builds. */
  compile(build: KernelBuild): Promise<WebAssembly.Module>;
  /** Starts a worker that runs train/worker-*.ts. */
  spawn(): SpawnedWorker;
  /** How many workers can run at once. */
  cores(): number;
  /** What the user asked for by ELBOW_KERNELS, where there is an environment. */
  arithmetic(): Arithmetic | undefined;
  /** The tile that suits the engine's compiler. */
  tile(arithmetic: Arithmetic): TileName;
}

let current: Platform | undefined;

/** Called once, by the entry (src/node.ts, src/index.ts). */
export function usePlatform(platform: Platform): void {
  current = platform;
}

/** @throws {KernelError} when no entry has provided one */
export function platform(): Platform {
  if (!current) {
    throw new KernelError('expected a platform: import from "elbow-vae", not from one of its inner files');
  }
  return current;
}
