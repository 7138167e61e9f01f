import { type SpawnedWorker, startPool } from "../../src/train/pool.ts";
import { spawnNode } from "../../src/train/spawn-node.ts";
import { changeThreads } from "./platform.ts";

export interface Watched {
  readonly worker: SpawnedWorker;
  /** Resolves when the thread has ended, whoever ended it. */
  readonly ended: Promise<string>;
}

/**
 * Watches the workers that are started until the test is over.
 *
 * @param tamper what to start in place of the worker of a rank
 * @param patience ms without progress after which a worker is given up
 */
export function watchWorkers(
  tamper: (rank: number, start: () => SpawnedWorker) => SpawnedWorker = (_, start) => start(),
  patience?: number,
): readonly Watched[] {
  const watched: Watched[] = [];
  const spawn = (): SpawnedWorker => {
    const worker = tamper(watched.length, spawnNode);
    watched.push({ worker, ended: new Promise((resolve) => worker.onFailure(resolve)) });
    return worker;
  };
  changeThreads({ start: startPool(spawn, patience) });
  return watched;
}
