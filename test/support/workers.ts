import { platform, type SpawnedWorker } from "../../src/wasm/platform.ts";
import { changePlatform } from "./platform.ts";

export interface Watched {
  readonly worker: SpawnedWorker;
  /** Resolves when the thread has ended, whoever ended it. */
  readonly ended: Promise<string>;
}

/**
 * Watches the workers that are started until the test is over.
 *
 * @param tamper what to start in place of the worker of a rank
 */
export function watchWorkers(
  tamper: (rank: number, start: () => SpawnedWorker) => SpawnedWorker = (_, start) => start(),
): readonly Watched[] {
  const { spawn } = platform();
  const watched: Watched[] = [];
  changePlatform({
    spawn: () => {
      const worker = tamper(watched.length, spawn);
      watched.push({ worker, ended: new Promise((resolve) => worker.onFailure(resolve)) });
      return worker;
    },
  });
  return watched;
}
