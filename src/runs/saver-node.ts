/** Saves a run while it is trained, so that a crash costs seconds. */
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { findNotFinite } from "../model/finite.ts";
import type { TrainingState } from "../model/training-state.ts";
import type { EpochMetrics } from "../train/metrics.ts";
import type { Trainer } from "../train/trainer.ts";
import type { RunConfig } from "./run-config.ts";
import type { RunWriter } from "./run-writer-node.ts";

/** Whole epochs, and steps after them. */
export type SavedAt = Pick<TrainingState, "epoch" | "step">;

export interface SaverOptions {
  readonly writer: RunWriter;
  readonly config: RunConfig;
  readonly trainer: Pick<Trainer, "snapshot">;
  /** Of the epochs that are done; the run adds to them. */
  readonly metrics: readonly EpochMetrics[];
  /** Where the checkpoint on disk is; undefined where there is none. */
  readonly savedAt: SavedAt | undefined;
  /** Seconds from one save to the next. */
  readonly every: number;
  /** The version that writes. */
  readonly elbow: string;
  /** Called when a save has failed, once for each reason. */
  readonly onFailure: (error: Error) => void;
  /** Called when a save has succeeded after failures. */
  readonly onSaved: () => void;
  /** Called when no save can succeed any more: the directory is another process's. */
  readonly onLost: (error: Error) => void;
}

/** Between the last tries to save a run that has ended, in ms: time for a disk to recover, or to be given space. */
const LAST_WAITS = [1000, 2000];

/**
 * Writes the newest state every few seconds, while the workers go on; they stand still only for the copy. A failure is
 * said and tried again, with what is newest then.
 */
export class Saver {
  /** Where the checkpoint on disk is; undefined where there is none. */
  savedAt: SavedAt | undefined;
  readonly #options: SaverOptions;
  /** The newest state, until it is on disk. */
  #kept: TrainingState | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  /** The save that is under way. */
  #saving: Promise<Error | undefined> = Promise.resolve(undefined);
  readonly #said = new Set<string>();

  constructor(options: SaverOptions) {
    this.#options = options;
    this.savedAt = options.savedAt;
    this.#schedule();
  }

  /** Takes a state to save with the next turn, or when the run fails before it. */
  keep(state: TrainingState): void {
    this.#kept = state;
  }

  #schedule(): void {
    if (!this.#ended) this.#timer = setTimeout(() => void this.#turn(), 1000 * this.#options.every);
  }

  async #turn(): Promise<void> {
    try {
      const state = await this.#options.trainer.snapshot();
      // at the end of an epoch the run itself has the metrics and keeps the state
      if (state.step === 0) await turn();
      else if (isWhole(state)) this.keep(state);
    } catch {
      return; // the epoch has failed, and the run says why
    }
    if (!this.#ended) await this.#save();
    this.#schedule();
  }

  /** Saves what is kept; the error if that fails. Saves never overlap. */
  #save(): Promise<Error | undefined> {
    this.#saving = this.#saving.then(() => this.#saveKept());
    return this.#saving;
  }

  async #saveKept(): Promise<Error | undefined> {
    const state = this.#kept;
    if (state === undefined) return undefined;
    const { writer, config, metrics, elbow, onFailure, onSaved, onLost } = this.#options;
    const { epoch, step } = state;
    try {
      const done = metrics.filter((line) => line.epoch <= epoch);
      await writer.save(config, state, done, elbow);
    } catch (error) {
      const fault = error instanceof Error ? error : new Error(String(error));
      if (!writer.isHeld) onLost(fault);
      else if (!this.#said.has(fault.message)) onFailure(fault);
      this.#said.add(fault.message);
      return fault;
    }
    this.savedAt = { epoch, step };
    if (this.#said.size > 0) onSaved();
    this.#said.clear();
    if (this.#kept === state) this.#kept = undefined;
    return undefined;
  }

  /**
   * Ends the saving with a last save, tried several times.
   *
   * @throws {FileError} when the system refuses, or another has taken the directory over
   */
  async finish(): Promise<void> {
    this.#end();
    let error = await this.#save();
    for (const wait of LAST_WAITS) {
      if (error === undefined || !this.#options.writer.isHeld) break;
      await sleep(wait);
      error = await this.#save();
    }
    if (error !== undefined) throw error;
  }

  /** Ends the saving of a run that has failed: what was kept is saved, if it can be. */
  async rescue(): Promise<void> {
    this.#end();
    await this.#save();
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }
}

/** Others cannot be read again; the trainer looks at them only after an epoch, and ends the run then. */
function isWhole({ parameters, m, v }: TrainingState): boolean {
  return [...parameters, ...m, ...v].every(({ data }) => findNotFinite(data) < 0);
}
