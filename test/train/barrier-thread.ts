// A thread of barrier.test.ts: runs rounds of a barrier and counts what must not happen.
import { parentPort, workerData } from "node:worker_threads";
import { Barrier } from "../../src/train/barrier.ts";

export interface BarrierTask {
  readonly words: Int32Array;
  /** By round: arrivals; then, by round: how often `decide` ran; then the rounds that were decided. */
  readonly counts: Int32Array;
  readonly size: number;
  readonly spins: number;
  readonly rounds: number;
  /** Sleeps now and then before it arrives, so that the others have to wait. */
  readonly slow: boolean;
}

export interface BarrierReport {
  /** Rounds in which it passed before all had arrived, or saw another decision than the one of the round. */
  readonly violations: number;
  /** The name of what `wait` threw. */
  readonly error?: string;
}

const nobody = new Int32Array(new SharedArrayBuffer(4));

function run({ words, counts, size, spins, rounds, slow }: BarrierTask): BarrierReport {
  const barrier = new Barrier(words, size, spins);
  const decided = 2 * rounds;
  let violations = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      if (slow && round % 20 === 7) Atomics.wait(nobody, 0, 0, 2);
      Atomics.add(counts, round, 1);
      barrier.wait(() => {
        Atomics.add(counts, rounds + round, 1);
        Atomics.store(counts, decided, round + 1);
      });
      const all = Atomics.load(counts, round) === size;
      const once = Atomics.load(counts, rounds + round) === 1;
      if (!all || !once || Atomics.load(counts, decided) !== round + 1) violations++;
    }
  } catch (error) {
    return { violations, error: error instanceof Error ? error.name : String(error) };
  }
  return { violations };
}

parentPort!.postMessage(run(workerData));
