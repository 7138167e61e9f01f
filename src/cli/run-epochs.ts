/** A run from its first step to its last, with everything of it on disk after each epoch. */

import { shellWord } from "../codecs/quote.ts";
import { DivergedError } from "../errors.ts";
import type { ModelInfo } from "../formats/metadata.ts";
import type { EpochMetrics, Trainer, TrainingState, Vae } from "../node.ts";
import type { RunConfig } from "../runs/run-config.ts";
import { CORE_FILES, type RunDirectory } from "../runs/run-directory-node.ts";
import { withAdvice } from "./fail.ts";
import type { Narrator, RunEnd } from "./narrate.ts";
import { commandName, elbowVersion } from "./output.ts";

/** A run that is ready for its first step. */
export interface Prepared {
  readonly vae: Vae;
  readonly trainer: Trainer;
  readonly config: RunConfig;
  /** Test rows for reconstructions.png. */
  readonly shown: Uint8Array | Float32Array;
}

export interface Run extends Prepared {
  readonly directory: RunDirectory;
  /** Of the epochs that are done. */
  readonly metrics: readonly EpochMetrics[];
  /** Where the checkpoint on disk stands; undefined where there is none. */
  readonly savedAt: SavedAt | undefined;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
}

/** Whole epochs, and steps after them. */
type SavedAt = Pick<TrainingState, "epoch" | "step">;

/** Pictures take about a tenth of a second, so they are drawn again only after this long, and at the end. */
const PICTURE_INTERVAL_MS = 10_000;

/** Trains until all epochs are done or the signal says stop; either way everything is on disk then. */
export async function runEpochs(run: Run): Promise<Omit<RunEnd, "seconds"> & { interrupted: boolean }> {
  const { trainer, config, directory, narrator, signal } = run;
  const metrics = [...run.metrics];
  const saved = new Saved(run);
  let interrupted = false;
  let drawn = Number.NEGATIVE_INFINITY;
  try {
    while (trainer.epoch < config.epochs && !interrupted) {
      const epoch = await trainer.runEpoch(signal);
      if (epoch !== undefined) metrics.push(epoch);
      const last = trainer.epoch === config.epochs;
      interrupted = signal.aborted && !last;
      if (last || interrupted || performance.now() - drawn > PICTURE_INTERVAL_MS) {
        await saved.draw();
        drawn = performance.now();
      }
      await saved.save(metrics);
      if (epoch !== undefined) narrator.epoch(epoch);
    }
  } catch (error) {
    if (saved.at === undefined) await directory.abandon();
    throw withAdvice(error, saved.advice(error));
  }
  return {
    interrupted,
    directory: directory.path,
    epoch: trainer.epoch,
    step: saved.at?.step ?? 0,
    steps: trainer.steps,
    epochs: config.epochs,
    files: [...CORE_FILES, ...saved.pictures],
    last: metrics.at(-1),
  };
}

/** What of a run is on disk. */
class Saved {
  readonly #run: Run;
  readonly #info: ModelInfo;
  at: SavedAt | undefined;
  pictures: readonly string[] = [];

  constructor(run: Run) {
    this.#run = run;
    const { data, arithmetic } = run.config;
    const { name, sha256, imageShape } = data;
    this.#info = { elbow: elbowVersion(), arithmetic, dataset: { name, sha256 }, imageShape };
    this.at = run.savedAt;
  }

  async save(metrics: readonly EpochMetrics[]): Promise<void> {
    const { trainer, config, directory } = this.#run;
    const state = trainer.state();
    // After a whole epoch the test loss has shown that all is well; after an interruption nothing has.
    if (state.step > 0 && !state.parameters.every(({ data }) => data.every(Number.isFinite))) {
      throw new DivergedError(
        `the weights stopped being finite numbers at step ${state.step} of ${trainer.steps} in epoch ${state.epoch + 1}`,
      );
    }
    const { model, training } = config;
    await directory.save({ config: model, training, state, info: this.#info }, metrics);
    this.at = { epoch: state.epoch, step: state.step };
  }

  async draw(): Promise<void> {
    const { vae, config, shown, directory } = this.#run;
    if (config.data.imageShape === undefined) return;
    // Loaded when the first is drawn: no step needs to wait for it.
    const { runPictures } = await import("./pictures.ts");
    const names: string[] = [];
    for (const [name, png] of runPictures(vae, config.data.imageShape, shown)) {
      await directory.savePicture(name, png);
      names.push(name);
    }
    this.pictures = names;
  }

  /** What is left to the user after an error. */
  advice(error: unknown): string {
    const { path } = this.#run.directory;
    if (this.at === undefined) return "nothing was saved before it";
    const { epoch, step } = this.at;
    const when = step > 0 ? `step ${step} of epoch ${epoch + 1}` : `epoch ${epoch}`;
    const where = `${path} keeps the model and the checkpoint after ${when}`;
    if (error instanceof DivergedError) return where;
    return `${where}; go on with ${commandName()} train --resume ${shellWord(path)}`;
  }
}
