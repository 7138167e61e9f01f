import { type Endpoint, type Remote, wrap } from "comlink";
import { WorkerError } from "../errors.ts";
import { parameterTable } from "../model/parameters.ts";
import { abort } from "./barrier.ts";
import { type Crew, disposed, type Threads } from "./crew.ts";
import type { Stretch } from "./program.ts";
import type { ProgramHost } from "./program-host.ts";
import { planSession, type Session } from "./session.ts";
import { Watchdog } from "./watchdog.ts";

/** A worker as the pool sees it: somewhere to send messages, a way to hear of its death, and an end. */
export interface SpawnedWorker {
  /** What comlink talks to. */
  readonly endpoint: Endpoint;
  /** Calls back, should the worker end or fail on its own. */
  onFailure(report: (reason: string) => void): void;
  /** Whether the process must not end before the worker does. */
  hold(on: boolean): void;
  terminate(): void;
}

/** So long without progress is too long for any step of a model of some size, in ms … */
const PATIENCE_MS = 60_000;
/** … and a phase does at most four operations for each parameter and row, at more than these in a ms. */
const SLOWEST = 1e6;

/**
 * What `Threads` wants, from a function that starts a worker which runs train/worker-*.ts.
 *
 * @param patience ms without progress after which a worker is given up
 */
export function startPool(spawn: () => SpawnedWorker, patience = PATIENCE_MS): Threads["start"] {
  return async (session, module, memory, words) => {
    const pool = new WorkerPool(session, memory, words, patience);
    await pool.start(spawn, (remote, rank) => remote.join(session, rank, module, memory));
    return pool;
  };
}

type Call = (remote: Remote<ProgramHost>, rank: number) => Promise<void>;

/** N workers, each with its rank. When one fails, all end. */
class WorkerPool implements Crew {
  readonly #size: number;
  readonly #words: Int32Array;
  readonly #workers: SpawnedWorker[] = [];
  readonly #remotes: Remote<ProgramHost>[] = [];
  readonly #watchdog: Watchdog;
  /** Why the pool has ended. */
  #reason: WorkerError | undefined;
  /** Tells whoever awaits a call. */
  #reject: ((reason: WorkerError) => void) | undefined;

  constructor(session: Session, memory: WebAssembly.Memory, words: Int32Array, patience: number) {
    const { size, config, training } = session;
    this.#size = size;
    this.#words = words;
    this.#watchdog = new Watchdog({
      beats: planSession(session).rooms.map(({ beat }) => new Int32Array(memory.buffer, beat, 1)),
      patience: patience + (parameterTable(config).bytes * training.batchSize) / SLOWEST,
      stuck: (rank, ms) =>
        this.#end(
          new WorkerError({
            setting: this.#nameOf(rank),
            expected: "progress",
            found: `none for ${Math.round(ms / 100) / 10} s`,
          }),
        ),
    });
  }

  #nameOf(rank: number): string {
    return `worker ${rank} of ${this.#size}`;
  }

  /** Starts the workers; where that cannot be done, those that were started are ended. */
  async start(spawn: () => SpawnedWorker, join: Call): Promise<void> {
    for (let rank = 0; rank < this.#size; rank++) {
      try {
        this.#add(spawn());
      } catch (cause) {
        this.#end(refused(this.#size, rank, cause));
        break;
      }
    }
    await this.#all(join);
  }

  #add(worker: SpawnedWorker): void {
    const rank = this.#workers.push(worker) - 1;
    this.#remotes.push(wrap<ProgramHost>(worker.endpoint));
    worker.onFailure((reason) => {
      const error = NO_THREAD.test(reason)
        ? refused(this.#size, rank, reason)
        : died(this.#nameOf(rank), reason);
      this.#end(error);
    });
  }

  train(stretch: Stretch): Promise<void> {
    return this.#all((remote) => remote.train(stretch));
  }

  evaluate(): Promise<void> {
    return this.#all((remote) => remote.evaluate());
  }

  /**
   * The same call on all workers; the first error of any ends the pool, and after that every call is an error. Only
   * meanwhile does the process wait for the workers.
   */
  async #all(call: Call): Promise<void> {
    if (this.#reason) throw this.#reason;
    const busy = new Set(this.#workers.keys());
    for (const worker of this.#workers) worker.hold(true);
    this.#watchdog.start(busy);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#reject = reject;
        const calls = this.#remotes.map(async (remote, rank) => {
          await call(remote, rank);
          busy.delete(rank);
        });
        Promise.all(calls).then(
          () => resolve(),
          (cause) => this.#end(died("a worker", reasonOf(cause), { cause })),
        );
      });
    } finally {
      this.#reject = undefined;
      this.#watchdog.stop();
      for (const worker of this.#workers) worker.hold(false);
    }
  }

  /** Ends all workers, once; whoever awaits them, now or later, gets the reason. */
  #end(reason: WorkerError): void {
    if (this.#reason) return;
    this.#reason = reason;
    abort(this.#words);
    for (const worker of this.#workers) worker.terminate();
    this.#reject?.(reason);
  }

  dispose(): void {
    this.#end(disposed());
  }
}

/** How Node says that the system starts no further thread. */
const NO_THREAD = /initialization failure|EAGAIN/;

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function refused(size: number, started: number, cause: unknown): WorkerError {
  const found = `${started} (${reasonOf(cause)})`;
  const remedy = "use fewer, or let the system allow more";
  return new WorkerError({ setting: "workers", expected: `${size} threads`, found, remedy }, { cause });
}

function died(setting: string, reason: string, options?: ErrorOptions): WorkerError {
  return new WorkerError({ setting, expected: "no failure", found: `one (${reason})` }, options);
}
