import { WorkerError } from "../errors.ts";
import { WORD } from "./control.ts";
import type { Waiting } from "./program.ts";

/** How often a sleeper looks whether the run was aborted, in ms; being woken is the usual case. */
const LONGEST_SLEEP = 100;

/** Tells the processor that this is a spinning loop, where the engine has the instruction. */
const pause: () => void = (Atomics as { pause?: () => void }).pause ?? (() => {});

/**
 * A barrier in shared memory: nobody passes before all have arrived. It spins for a while, because the others are
 * microseconds away, and then sleeps, because they may be descheduled or dead.
 */
export class Barrier implements Waiting {
  readonly #words: Int32Array;
  readonly #size: number;
  readonly #spins: number;

  /** @param spins how often to look before sleeping */
  constructor(words: Int32Array, size: number, spins: number) {
    this.#words = words;
    this.#size = size;
    this.#spins = spins;
  }

  /**
   * Waits for the others. The last to arrive runs `decide` before anyone passes, so that all see the same decision.
   *
   * @throws {WorkerError} when the run was aborted meanwhile
   */
  wait(decide?: () => void): void {
    const words = this.#words;
    const generation = Atomics.load(words, WORD.generation);
    if (Atomics.add(words, WORD.arrived, 1) === this.#size - 1) {
      Atomics.store(words, WORD.arrived, 0);
      decide?.();
      Atomics.add(words, WORD.generation, 1);
      if (Atomics.load(words, WORD.sleepers) > 0) Atomics.notify(words, WORD.generation);
    } else {
      this.#await(generation);
    }
    if (Atomics.load(words, WORD.abort) !== 0)
      throw new WorkerError({
        setting: "the barrier",
        expected: "every worker to arrive",
        found: "a run aborted by another worker",
      });
  }

  #await(generation: number): void {
    const words = this.#words;
    for (let i = 0; i < this.#spins; i++) {
      if (Atomics.load(words, WORD.generation) !== generation) return;
      pause();
    }
    Atomics.add(words, WORD.sleepers, 1);
    while (Atomics.load(words, WORD.generation) === generation && Atomics.load(words, WORD.abort) === 0) {
      Atomics.wait(words, WORD.generation, generation, LONGEST_SLEEP);
    }
    Atomics.sub(words, WORD.sleepers, 1);
  }
}

/** Ends the run for all who wait now or later. */
export function abort(words: Int32Array): void {
  Atomics.store(words, WORD.abort, 1);
  Atomics.notify(words, WORD.generation);
}
