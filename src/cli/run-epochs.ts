/** A run from its first step to its last, saved after each epoch. */

import { shellWord } from "../codecs/quote.ts";
import { DivergedError } from "../errors.ts";
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
  /** Where the checkpoint on disk is; undefined where there is none. */
  readonly savedAt: SavedAt | undefined;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
}

/** Whole epochs, and steps after them. */
type SavedAt = Pick<TrainingState, "epoch" | "step">;

/** Pictures take about a tenth of a second, so they are drawn again only after this long, and at the end. */
const PICTURE_INTERVAL_MS = 10_000;

/** Trains until all epochs are done or the signal aborts. Either way everything is then on disk. */
export async function runEpochs(run: Run): Promise<Omit<RunEnd, "seconds"> & { interrupted: boolean }> {
  const { trainer, config, directory, narrator, signal } = run;
  const metrics = [...run.metrics];
  let { savedAt } = run;
  let pictures: readonly string[] = [];
  let interrupted = false;
  let drawn = Number.NEGATIVE_INFINITY;
  try {
    while (trainer.epoch < config.epochs && !interrupted) {
      const epoch = await trainer.runEpoch(signal);
      if (epoch !== undefined) metrics.push(epoch);
      const last = trainer.epoch === config.epochs;
      interrupted = signal.aborted && !last;
      if (last || interrupted || performance.now() - drawn > PICTURE_INTERVAL_MS) {
        pictures = await draw(run);
        drawn = performance.now();
      }
      const state = trainer.state();
      await directory.save(config, state, metrics, elbowVersion());
      savedAt = { epoch: state.epoch, step: state.step };
      if (epoch !== undefined) narrator.epoch(epoch);
    }
  } catch (error) {
    if (savedAt === undefined) await directory.abandon();
    throw withAdvice(error, whatIsLeft(directory.path, savedAt, error));
  }
  return {
    interrupted,
    directory: directory.path,
    epoch: trainer.epoch,
    step: savedAt?.step ?? 0,
    steps: trainer.steps,
    epochs: config.epochs,
    files: [...CORE_FILES, ...pictures],
  };
}

/** @returns the names of the files */
async function draw({ vae, shown, directory, config }: Run): Promise<string[]> {
  // Loaded here, so that the first step need not wait for it.
  const { runPictures } = await import("./pictures.ts");
  const names: string[] = [];
  for (const [name, png] of runPictures(vae, shown)) {
    await directory.savePicture(name, png, config);
    names.push(name);
  }
  return names;
}

/** What the user has after an error. */
function whatIsLeft(path: string, savedAt: SavedAt | undefined, error: unknown): string {
  if (savedAt === undefined) return "nothing was saved";
  const { epoch, step } = savedAt;
  const when = step > 0 ? `step ${step} of epoch ${epoch + 1}` : `epoch ${epoch}`;
  const left = `${path} has the model and the checkpoint after ${when}`;
  if (error instanceof DivergedError) return left;
  return `${left}; resume with ${commandName()} train --resume ${shellWord(path)}`;
}
