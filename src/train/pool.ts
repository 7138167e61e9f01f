import { type Remote, wrap } from "comlink";
import { WorkerError } from "../errors.ts";
import { platform, type SpawnedWorker } from "../wasm/platform.ts";
import { abort } from "./barrier.ts";
import type { Program, Stretch } from "./program.ts";
import type { ProgramHost } from "./program-host.ts";
import type { Session } from "./session.ts";

/** Whoever runs the program: workers over a shared memory, or this thread alone. */
export interface Crew {
  train(stretch: Stretch): Promise<void>;
  evaluate(): Promise<void>;
  dispose(): void;
}

/** N workers, each with its rank. When one fails, all end. */
export class WorkerPool implements Crew {
  readonly #words: Int32Array;
  readonly #workers: SpawnedWorker[];
  readonly #remotes: Remote<ProgramHost>[];
  /** Rejects when the pool ends, with the reason; never resolves. */
  readonly #ended: Promise<never>;
  #reject: ((reason: WorkerError) => void) | undefined;

  private constructor(size: number, words: Int32Array) {
    this.#words = words;
    this.#ended = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.#ended.catch(() => {}); // it may come while nobody awaits
    this.#workers = Array.from({ length: size }, () => platform().spawn());
    this.#remotes = this.#workers.map(({ endpoint }) => wrap<ProgramHost>(endpoint));
    for (const [rank, worker] of this.#workers.entries()) {
      worker.onFailure((reason) => {
        this.#end(new WorkerError(`worker ${rank} of ${size} died, so the run has ended: ${reason}`));
      });
    }
  }

  /**
   * Starts the workers and lets them join the session.
   *
   * @param words the control words in `memory`, by which a failure is told to the others
   */
  static async start(
    session: Session,
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    words: Int32Array,
  ): Promise<WorkerPool> {
    const pool = new WorkerPool(session.size, words);
    await pool.#all((remote, rank) => remote.join(session, rank, module, memory));
    return pool;
  }

  train(stretch: Stretch): Promise<void> {
    return this.#all((remote) => remote.train(stretch));
  }

  evaluate(): Promise<void> {
    return this.#all((remote) => remote.evaluate());
  }

  /** The same call on all workers; the first error of any ends the pool, and after that every call is an error. */
  async #all(call: (remote: Remote<ProgramHost>, rank: number) => Promise<void>): Promise<void> {
    if (!this.#reject) await this.#ended;
    try {
      await Promise.race([Promise.all(this.#remotes.map(call)), this.#ended]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#end(new WorkerError(`a worker failed, so the run has ended: ${reason}`, { cause: error }));
      await this.#ended;
    }
  }

  /** Ends all workers, once; whoever awaits them, now or later, gets the reason. */
  #end(reason: WorkerError): void {
    const reject = this.#reject;
    if (!reject) return;
    this.#reject = undefined;
    abort(this.#words);
    for (const worker of this.#workers) worker.terminate();
    reject(reason);
  }

  dispose(): void {
    this.#end(new WorkerError("the trainer was disposed of, so it trains no more"));
  }
}

/** How many steps are run before other work of the thread gets its turn. */
const SLICE = 4;

/** This thread alone, for engines without threads or shared memory; it yields between slices of steps. */
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
