/** How often the workers are looked at, at most. */
const INTERVAL_MS = 1000;
/** Nothing takes so many times as long as the longest wait for progress so far. */
const FAR_TOO_LONG = 10;

/** What the workers of a pool have done, and who is told when they do nothing. */
export interface Watched {
  /** Each worker's counter: it grows with every phase of a step. */
  readonly beats: readonly Int32Array[];
  /** So long a wait is no reason to worry, in ms. */
  readonly patience: number;
  /** Told once which of the workers holds the others up. */
  readonly stuck: (rank: number, milliseconds: number) => void;
}

/** Looks now and then whether workers get on, while they have something to do. */
export class Watchdog {
  readonly #watched: Watched;
  readonly #interval: number;
  #longest = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(watched: Watched) {
    this.#watched = watched;
    this.#interval = Math.min(INTERVAL_MS, watched.patience / 10);
  }

  /** @param busy ranks of workers that are not done yet; it changes meanwhile */
  start(busy: ReadonlySet<number>): void {
    const { beats, patience, stuck } = this.#watched;
    for (const beat of beats) Atomics.store(beat, 0, 0);
    let [before, last, waited] = [-1, performance.now(), 0];
    this.#timer = setInterval(() => {
      const now = performance.now();
      // where this thread was late, the process was suspended or busy with something else: nobody's fault
      waited += Math.min(now - last, 2 * this.#interval);
      last = now;
      const done = beats.reduce((sum, beat) => sum + Atomics.load(beat, 0), -busy.size);
      if (done !== before) {
        this.#longest = Math.max(this.#longest, waited);
        [before, waited] = [done, 0];
      } else if (waited > Math.max(patience, FAR_TOO_LONG * this.#longest)) {
        this.stop();
        // whoever waits at a barrier has finished one phase more
        const least = [...busy].sort((a, b) => Atomics.load(beats[a]!, 0) - Atomics.load(beats[b]!, 0));
        stuck(least[0]!, waited);
      }
    }, this.#interval);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
