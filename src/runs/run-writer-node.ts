/** Writes the files of a run, by the one process that holds its directory's lock. */
import { rename, rm } from "node:fs/promises";
import { FileError } from "../errors.ts";
import { removeEmpty } from "../files/directory-node.ts";
import { type Draft, orElse, type WriteOptions, writeDraft, writeError } from "../files/file-node.ts";
import { serializeCheckpoint } from "../formats/checkpoint.ts";
import { serializeModel } from "../formats/model-file.ts";
import type { TrainingState } from "../model/training-state.ts";
import type { EpochMetrics } from "../train/metrics.ts";
import type { Lock } from "./lock-node.ts";
import { serializeMetrics } from "./metrics.ts";
import { clearDrafts, deleteRun, type Replacement } from "./replacement-node.ts";
import { type RunConfig, serializeRunConfig } from "./run-config.ts";
import { exists, RUN_FILES, RunDirectory } from "./run-directory-node.ts";

export interface OwnedDirectory {
  readonly directory: RunDirectory;
  /** The run's. Its drafts bear it. */
  readonly id: string;
  readonly lock: Lock;
  /** The directories that were made for a new run; undefined for an earlier run's. */
  readonly made: readonly string[] | undefined;
  /** Of an old run, if there is one. */
  readonly replacement?: Replacement | undefined;
  /** Whether another run was to replace this one, was killed before it had saved, and is deleted now. */
  readonly discarded: boolean;
  /** Whether the process that had the directory before died with it. */
  readonly afterCrash: boolean;
}

export class RunWriter {
  readonly directory: RunDirectory;
  readonly id: string;
  readonly discarded: boolean;
  readonly afterCrash: boolean;
  readonly #lock: Lock;
  readonly #made: readonly string[] | undefined;
  #replacement: Replacement | undefined;
  #saved: boolean;

  constructor({ directory, id, lock, made, replacement, ...rest }: OwnedDirectory) {
    this.directory = directory;
    this.id = id;
    this.discarded = rest.discarded;
    this.afterCrash = rest.afterCrash;
    this.#lock = lock;
    this.#made = made;
    this.#replacement = replacement;
    this.#saved = made === undefined;
  }

  /** Whether the directory is still this process's: it is lost when the process stood still for so long that it seemed dead. */
  get isHeld(): boolean {
    try {
      this.#lock.expectHeld();
      return true;
    } catch {
      return false;
    }
  }

  /** Whether the directory has an old run that this one has not replaced yet. */
  get hasOldRun(): boolean {
    return this.#replacement !== undefined;
  }

  /** Begins the run, new or resumed, with its config.json. */
  async begin(config: RunConfig): Promise<void> {
    if (this.#saved) await clearDrafts(this.directory.path, this.id);
    await this.#write(RUN_FILES.config, serializeRunConfig(config), { exclusive: !this.#saved });
  }

  /**
   * Saves the state of a run. The checkpoint comes last, so the other files are never behind it, and the one before it is
   * kept.
   *
   * @param elbow the version that writes it
   * @throws {FileError} when the system refuses or the directory is another process's by now; what was saved before is there
   */
  async save(config: RunConfig, state: TrainingState, metrics: readonly EpochMetrics[], elbow: string) {
    const { data, model, training, arithmetic } = config;
    const info = { elbow, arithmetic, dataset: { name: data.name, sha256: data.sha256 } };
    const trained = { epochs: state.epoch, steps: state.step };
    const weights = { config: model, tensors: () => state.parameters };
    const files = [
      [RUN_FILES.model, serializeModel(weights, { ...info, trained })],
      [RUN_FILES.metrics, serializeMetrics(metrics)],
      [RUN_FILES.checkpoint, serializeCheckpoint({ config: model, training, state, info })],
    ] as const;
    const drafts: Draft[] = [];
    try {
      for (const [name, contents] of files) drafts.push(await this.#draft(name, contents));
      this.#lock.expectHeld();
      for (const [i, draft] of drafts.entries()) {
        if (files[i]![0] === RUN_FILES.checkpoint) await this.#keepCheckpoint();
        await draft.publish();
      }
    } catch (error) {
      for (const draft of drafts) await draft.discard();
      throw error instanceof FileError ? error : writeError(this.directory.path, error);
    }
    await this.#replace();
    this.#saved = true;
  }

  async #keepCheckpoint(): Promise<void> {
    const newest = this.#place.file(RUN_FILES.checkpoint);
    if (await exists(newest)) await rename(newest, this.#place.file(RUN_FILES.previous));
  }

  /** A new run takes the place of the old one when it has saved for the first time. */
  async #replace(): Promise<void> {
    const replacement = this.#replacement;
    if (replacement === undefined) return;
    try {
      this.#lock.expectHeld();
      await replacement.commit();
    } catch (error) {
      throw error instanceof FileError ? error : writeError(this.directory.path, error);
    }
    this.#replacement = undefined;
  }

  savePicture(name: string, png: Uint8Array): Promise<void> {
    return this.#write(name, png);
  }

  /** Ends a run that is complete: its last checkpoint is on disk, and the one before it has no use. */
  async complete(): Promise<void> {
    await rm(this.#place.file(RUN_FILES.previous), { force: true }).catch(() => {});
  }

  /** Where the run's files are. */
  get #place(): RunDirectory {
    return this.#replacement === undefined ? this.directory : new RunDirectory(this.#replacement.path);
  }

  async #write(name: string, contents: Uint8Array | string, options?: WriteOptions): Promise<void> {
    const draft = await this.#draft(name, contents, options);
    await orElse(async () => this.#lock.expectHeld(), draft.discard);
    await draft.publish();
  }

  /** Never through a link to a file elsewhere. */
  #draft(name: string, contents: Uint8Array | string, options: WriteOptions = {}): Promise<Draft> {
    return writeDraft(this.#place.file(name), contents, { ...options, replaceLink: true, owner: this.id });
  }

  /** Ends the writing, however the run ended: what a new run has made is deleted if it has saved nothing. */
  async close(): Promise<void> {
    if (!this.#saved && this.isHeld) await this.#abandon().catch(() => {});
    this.#lock.release();
    if (!this.#saved) await removeEmpty(this.#made);
  }

  async #abandon(): Promise<void> {
    await (this.#replacement?.discard() ?? deleteRun(this.directory.path, this.id));
  }
}
