import { WorkerError } from "../errors.ts";
import { instantiate } from "../wasm/instance.ts";
import { Barrier } from "./barrier.ts";
import { Program, type Stretch } from "./program.ts";
import type { Session } from "./session.ts";

/** What a worker offers to the main thread, through comlink. Data never passes here: it lies in shared memory. */
export class ProgramHost {
  #program: Program | undefined;

  join(session: Session, rank: number, module: WebAssembly.Module, memory: WebAssembly.Memory): void {
    const barrier = (words: Int32Array) => new Barrier(words, session.size, session.spins);
    this.#program = new Program(session, rank, instantiate(module, memory), barrier);
  }

  train(stretch: Stretch): void {
    this.#joined.train(stretch);
  }

  evaluate(): void {
    this.#joined.evaluate();
  }

  get #joined(): Program {
    if (!this.#program)
      throw new WorkerError({ setting: "this worker", expected: "to have joined a run", found: "no run" });
    return this.#program;
  }
}
