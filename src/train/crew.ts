import { ConfigError, WorkerError } from "../errors.ts";
import { checkWorkers, MOST_WORKERS } from "../model/config.ts";
import { canShareMemory } from "../wasm/builds.ts";
import type { Program, Stretch } from "./program.ts";
import type { Session } from "./session.ts";

/** Whoever runs the program: workers over a shared memory, or this thread alone. */
export interface Crew {
  train(stretch: Stretch): Promise<void>;
  evaluate(): Promise<void>;
  dispose(): void;
}

/** Workers that can share a memory. The entry of a runtime that has them provides it; an edge runtime has none. */
export interface Threads {
  /** How many can run at once. */
  cores(): number;
  /**
   * Starts the workers and lets them join the session.
   *
   * @param words the control words in `memory`, by which a failure is told to the others
   */
  start(
    session: Session,
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    words: Int32Array,
  ): Promise<Crew>;
}

let current: Threads | undefined;

/** Called once, by the entry (src/node.ts, src/index.ts). */
export function useThreads(threads: Threads): void {
  current = threads;
}

/**
 * The number of workers and the threads that run them; without threads it is this one alone.
 *
 * @param handedIn whether the model's kernels were handed in as a module: there is no shared build of them then
 * @throws {ConfigError} when the number is none, or more are asked for than there can be here
 */
export function planCrew(
  asked: number | undefined,
  handedIn: boolean,
): { readonly size: number; readonly threads?: Threads } {
  const workers = asked === undefined ? undefined : checkWorkers(asked);
  if (current && !handedIn) {
    if (canShareMemory())
      return { size: workers ?? Math.min(MOST_WORKERS, current.cores()), threads: current };
    const headers = "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp";
    expectOne(workers, "memory cannot be shared here", `serve the page with ${headers}`);
  }
  expectOne(workers, "a model of Vae.fromModule trains on this thread", "make the model with Vae.create");
  return { size: 1 };
}

function expectOne(workers: number | undefined, why: string, remedy: string): void {
  if (workers === undefined || workers === 1) return;
  throw new ConfigError({ setting: "workers", expected: `1 (${why})`, found: `${workers}`, remedy });
}

/** What a crew throws once it has been disposed of. */
export function disposed(): WorkerError {
  return new WorkerError({
    setting: "the trainer",
    expected: "one in use",
    found: "a disposed one",
    remedy: "create another",
  });
}

/** Other work of the thread gets its turn after this time, or after so many steps where no clock goes meanwhile. */
const SLICE_MS = 8;
const SLICE_STEPS = 64;

/** Lets everything else that waits for this thread have its turn: timers, events, messages. */
function breathe(): Promise<void> {
  if (typeof setImmediate === "function") return new Promise((resolve) => setImmediate(resolve));
  if (typeof MessageChannel !== "function") return new Promise((resolve) => setTimeout(resolve));
  // a timer within timers would be made to wait for some milliseconds in browsers, a message is not
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** This thread alone, for runtimes without threads or shared memory; it yields between slices of steps. */
export class InlineCrew implements Crew {
  readonly #program: Program;
  readonly #over: () => boolean;
  #disposed = false;

  /** @param over whether the run was stopped or diverged, so that no further slice is begun */
  constructor(program: Program, over: () => boolean) {
    this.#program = program;
    this.#over = over;
  }

  async train({ epoch, fromStep, toStep }: Stretch): Promise<void> {
    this.#expectAlive();
    // the first slice is one step, so that whoever began this is heard soon
    for (let step = fromStep, most = 1; step < toStep && !this.#over(); most = SLICE_STEPS) {
      const end = performance.now() + SLICE_MS;
      const last = Math.min(toStep, step + most);
      do {
        this.#program.train({ epoch, fromStep: step, toStep: step + 1 });
        step += 1;
      } while (step < last && performance.now() < end && !this.#over());
      await breathe();
      this.#expectAlive();
    }
  }

  async evaluate(): Promise<void> {
    this.#expectAlive();
    this.#program.evaluate();
  }

  #expectAlive(): void {
    if (this.#disposed) throw disposed();
  }

  dispose(): void {
    this.#disposed = true;
  }
}
