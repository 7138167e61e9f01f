/** A run from its first step to its last, saved every few seconds and at its end. */

import { shellWord } from "../codecs/quote.ts";
import { DivergedError } from "../errors.ts";
import type { EpochMetrics, Trainer, Vae } from "../node.ts";
import type { RunConfig } from "../runs/run-config.ts";
import { CORE_FILES } from "../runs/run-directory-node.ts";
import type { RunWriter } from "../runs/run-writer-node.ts";
import { type SavedAt, Saver } from "../runs/saver-node.ts";
import { explain, withAdvice } from "./fail.ts";
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
  readonly writer: RunWriter;
  /** Of the epochs that are done. */
  readonly metrics: readonly EpochMetrics[];
  /** Where the checkpoint on disk is; undefined where there is none. */
  readonly savedAt: SavedAt | undefined;
  /** Seconds from one save to the next. */
  readonly saveEvery: number;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
}

/** Pictures take about a tenth of a second, so they are drawn again only after this long, and at the end. */
const PICTURE_INTERVAL_MS = 10_000;

/** Trains until all epochs are done or the signal aborts. Either way everything is then on disk. */
export async function runEpochs(run: Run): Promise<Omit<RunEnd, "seconds"> & { interrupted: boolean }> {
  const { trainer, config, writer, narrator } = run;
  const metrics = [...run.metrics];
  const lost = new AbortController();
  const signal = AbortSignal.any([run.signal, lost.signal]);
  const saver = new Saver({
    ...run,
    metrics,
    every: run.saveEvery,
    elbow: elbowVersion(),
    onSaved: () => narrator.warn(`${writer.directory.path}: saved again`),
    onFailure: (error) =>
      narrator.warn(`${explain(error, "")}; training continues, and the save is tried again`),
    onLost: () => lost.abort(),
  });
  let pictures: readonly string[] = [];
  let interrupted = false;
  let drawn = Number.NEGATIVE_INFINITY;
  try {
    while (trainer.epoch < config.epochs && !interrupted) {
      const epoch = await trainer.runEpoch(signal);
      if (epoch !== undefined) metrics.push(epoch);
      saver.keep(trainer.state());
      if (epoch !== undefined) narrator.epoch(epoch);
      const last = trainer.epoch === config.epochs;
      interrupted = signal.aborted && !last;
      if (last || interrupted || performance.now() - drawn > PICTURE_INTERVAL_MS) {
        pictures = await draw(run);
        drawn = performance.now();
      }
    }
    await saver.finish();
    if (!interrupted) await writer.complete();
  } catch (error) {
    await saver.rescue();
    throw withAdvice(error, whatIsLeft(writer, saver.savedAt, error));
  }
  return {
    interrupted,
    directory: writer.directory.path,
    epoch: trainer.epoch,
    step: saver.savedAt?.step ?? 0,
    steps: trainer.steps,
    epochs: config.epochs,
    files: [...CORE_FILES, ...pictures],
  };
}

/**
 * A picture that cannot be written is no reason to end a run.
 *
 * @returns the names of the files
 */
async function draw({ vae, shown, writer, narrator }: Run): Promise<string[]> {
  // Loaded here, so that the first step need not wait for it.
  const { runPictures } = await import("./pictures.ts");
  const names: string[] = [];
  try {
    for (const [name, png] of runPictures(vae, shown)) {
      await writer.savePicture(name, png);
      names.push(name);
    }
  } catch (error) {
    narrator.warn(`${explain(error, "")}; training continues without it`);
  }
  return names;
}

/** What the user has after an error. */
function whatIsLeft(writer: RunWriter, savedAt: SavedAt | undefined, error: unknown): string {
  const { path } = writer.directory;
  if (writer.hasOldRun) return `the new run was not saved, and ${path} has the old one unchanged`;
  if (savedAt === undefined) return "nothing was saved";
  const { epoch, step } = savedAt;
  const when = step > 0 ? `step ${step} of epoch ${epoch + 1}` : `epoch ${epoch}`;
  const left = `${path} has the model and the checkpoint after ${when}`;
  if (error instanceof DivergedError) return left;
  return `${left}; resume with ${commandName()} train --resume ${shellWord(path)}`;
}
