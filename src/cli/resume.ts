/** `elbow train --resume`: the run's own settings decide, and an option that differs is refused. */

import { ConfigError, FormatError } from "../errors.ts";
import { MODEL_SETTINGS, TRAINING_SETTINGS } from "../model/config.ts";
import { pickSettings } from "../model/settings.ts";
import { differences, type EarlierRun, openEarlier } from "../runs/resume.ts";
import { exists, RUN_FILES, type RunDirectory } from "../runs/run-directory-node.ts";
import type { RunWriter } from "../runs/run-writer-node.ts";
import { platform } from "../wasm/platform.ts";
import { explain } from "./fail.ts";
import type { Narrator } from "./narrate.ts";
import { flagOf, type TrainFlags } from "./options.ts";

/**
 * Opens the run to resume, if one is, with `--epochs` in its config if given.
 *
 * @throws {ConfigError} when options or the environment differ from the run's settings
 * @throws {FormatError} when its files are damaged or do not belong together
 */
export async function openResumed(
  flags: TrainFlags,
  writer: RunWriter,
  narrator: Narrator,
): Promise<EarlierRun | undefined> {
  const { resume: path } = flags;
  if (path === undefined) return undefined;
  if (writer.discarded)
    narrator.warn(`${path} has its old run; the one that was to replace it was ended before it had saved`);
  const run = await openEarlier(path, (error) =>
    narrator.warn(`${explain(error, "")}; resuming from the one before it`),
  );
  expectSameSettings(run, flags);
  if (run.checkpoint === undefined) await expectRestart(run.directory, writer, narrator);
  const { epoch, step } = run.checkpoint?.state ?? { epoch: 0, step: 0 };
  const { epochs = run.config.epochs } = flags;
  if (flags.epochs !== undefined && (epochs < epoch || (epochs === epoch && step > 0))) {
    const done = step > 0 ? `${epoch} epochs and ${step} steps` : `${epoch} epochs`;
    const expected = `more than the ${done} that ${path} has done`;
    throw new ConfigError({ setting: "--epochs", expected, found: `${epochs}` });
  }
  return { ...run, config: { ...run.config, epochs } };
}

/**
 * A run without a checkpoint starts again. Its model is that of a first save which was cut short, if there is one, or somebody
 * has deleted the checkpoint.
 *
 * @throws {FormatError} when it seems to be the latter: the model would be replaced
 */
async function expectRestart(directory: RunDirectory, { afterCrash }: RunWriter, narrator: Narrator) {
  const { path } = directory;
  if (afterCrash || !(await exists(directory.file(RUN_FILES.model))))
    return narrator.warn(`${path} was ended before its first checkpoint; it starts again`);
  throw new FormatError({
    setting: path,
    expected: `${RUN_FILES.checkpoint} beside ${RUN_FILES.model}`,
    found: "none",
    remedy: "bring it back, or train anew with --overwrite",
  });
}

export function isComplete({ checkpoint, config }: EarlierRun): boolean {
  return (checkpoint?.state.epoch ?? 0) >= config.epochs;
}

function expectSameSettings({ directory, config }: EarlierRun, flags: TrainFlags): void {
  const { model, training, arithmetic } = config;
  const given = {
    ...pickSettings(TRAINING_SETTINGS, flags),
    ...pickSettings(MODEL_SETTINGS, flags),
    arithmetic: platform().asked().arithmetic,
  };
  const nameOf = (key: string): string => (key === "arithmetic" ? "ELBOW_KERNELS" : flagOf(key));
  const different = differences({ ...model, ...training, arithmetic }, given, nameOf);
  if (different === undefined) return;
  throw new ConfigError({
    setting: directory.path,
    ...different,
    remedy: "leave out what differs to resume the run",
  });
}
