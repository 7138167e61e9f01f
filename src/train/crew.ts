import { ConfigError } from "../errors.ts";
import { checkWorkers } from "../model/config.ts";
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
 * How many are to train, and whose threads they are; without threads it is this one alone.
 *
 * @param handedIn whether the model's kernels were handed in as a module: there is no shared build of them then
 * @throws {ConfigError} when the number is none, or more are asked for than there can be here
 */
export function planCrew(
  asked: number | undefined,
  handedIn: boolean,
): { readonly size: number; readonly threads?: Threads } {
  const workers = asked === undefined ? undefined : checkWorkers(asked);
  if (current && !handedIn && canShareMemory()) {
    return { size: workers ?? checkWorkers(current.cores()), threads: current };
  }
  if (workers === undefined || workers === 1) return { size: 1 };
  const why = handedIn
    ? "a model of Vae.fromModule trains on this thread; make it with Vae.create for more"
    : "memory cannot be shared here; a page needs the headers Cross-Origin-Opener-Policy: same-origin and " +
      "Cross-Origin-Embedder-Policy: require-corp for that";
  throw new ConfigError(`workers must be 1 or left out, not ${workers}: ${why}`);
}

/** How many steps are run before other work of the thread gets its turn. */
const SLICE = 4;

/** This thread alone, for runtimes without threads or shared memory; it yields between slices of steps. */
export class InlineCrew implements Crew {
  readonly #program: Program;
  readonly #over: () => boolean;

  /** @param over whether the run was stopped or diverged, so that no further slice is begun */
  constructor(program: Program, over: () => boolean) {
    this.#program = program;
    this.#over = over;
  }

  async train({ epoch, fromStep, toStep }: Stretch): Promise<void> {
    for (let step = fromStep; step < toStep && !this.#over(); step += SLICE) {
      this.#program.train({ epoch, fromStep: step, toStep: Math.min(toStep, step + SLICE) });
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  async evaluate(): Promise<void> {
    this.#program.evaluate();
  }

  dispose(): void {}
}
