/** `elbow train --resume`: the run's own settings decide, and an option that differs is refused. */

import { ConfigError } from "../errors.ts";
import { MODEL_SETTINGS, TRAINING_SETTINGS } from "../model/config.ts";
import { pickSettings } from "../model/settings.ts";
import { differences, type EarlierRun, openEarlier } from "../runs/resume.ts";
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
export async function openResumed(flags: TrainFlags, narrator: Narrator): Promise<EarlierRun | undefined> {
  const { resume: path } = flags;
  if (path === undefined) return undefined;
  const run = await openEarlier(path, (error) =>
    narrator.warn(`${explain(error, "")}; resuming from the one before it`),
  );
  expectSameSettings(run, flags);
  const { epoch, step } = run.checkpoint?.state ?? { epoch: 0, step: 0 };
  const { epochs = run.config.epochs } = flags;
  if (flags.epochs !== undefined && (epochs < epoch || (epochs === epoch && step > 0))) {
    const done = step > 0 ? `${epoch} epochs and ${step} steps` : `${epoch} epochs`;
    const expected = `more than the ${done} that ${path} has done`;
    throw new ConfigError({ setting: "--epochs", expected, found: `${epochs}` });
  }
  return { ...run, config: { ...run.config, epochs } };
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
