import { type Endpoint, type Remote, wrap } from "comlink";
import { WorkerError } from "../errors.ts";
import { abort } from "./barrier.ts";
import { type Crew, disposed, type Threads } from "./crew.ts";
import type { Stretch } from "./program.ts";
import type { ProgramHost } from "./program-host.ts";
import type { Session } from "./session.ts";

/** A worker as the pool sees it: somewhere to send messages, a way to hear of its death, and an end. */
export interface SpawnedWorker {
  /** What comlink talks to. */
  readonly endpoint: Endpoint;
  /** Calls back once, should the worker end or fail on its own. */
  onFailure(report: (reason: string) => void): void;
  terminate(): void;
}

/** What `Threads` wants, from a function that starts a worker which runs train/worker-*.ts. */
export function startPool(spawn: () => SpawnedWorker): Threads["start"] {
  return (session, module, memory, words) => WorkerPool.start(spawn, session, module, memory, words);
}

/** N workers, each with its rank. When one fails, all end. */
class WorkerPool implements Crew {
  readonly #words: Int32Array;
  readonly #workers: SpawnedWorker[];
  readonly #remotes: Remote<ProgramHost>[];
  /** Rejects when the pool ends, with the reason; never resolves. */
  readonly #ended: Promise<never>;
  #reject: ((reason: WorkerError) => void) | undefined;

  private constructor(spawn: () => SpawnedWorker, size: number, words: Int32Array) {
    this.#words = words;
    this.#ended = new Promise((_, reject) => {
      this.#reject = reject;
    });
    this.#ended.catch(() => {}); // it may come while nobody awaits
    this.#workers = Array.from({ length: size }, spawn);
    this.#remotes = this.#workers.map(({ endpoint }) => wrap<ProgramHost>(endpoint));
    for (const [rank, worker] of this.#workers.entries()) {
      worker.onFailure((reason) => {
        this.#end(died(`worker ${rank} of ${size}`, reason));
      });
    }
  }

  static async start(
    spawn: () => SpawnedWorker,
    session: Session,
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    words: Int32Array,
  ): Promise<WorkerPool> {
    const pool = new WorkerPool(spawn, session.size, words);
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
      this.#end(died("a worker", reason, { cause: error }));
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
    this.#end(disposed());
  }
}

function died(setting: string, reason: string, options?: ErrorOptions): WorkerError {
  return new WorkerError({ setting, expected: "no failure", found: `one (${reason})` }, options);
}
