/** Going on with a run: what it was begun with decides, and whatever differs now is named. */

import { shortSum } from "../codecs/sha256.ts";
import type { Dataset } from "../data/dataset.ts";
import { stepsPerEpoch } from "../data/sampler.ts";
import { ConfigError, DataError, FormatError } from "../errors.ts";
import type { Checkpoint } from "../formats/checkpoint.ts";
import type { EpochMetrics } from "../node.ts";
import type { RunConfig } from "../runs/run-config.ts";
import { RUN_FILES, RunDirectory } from "../runs/run-directory-node.ts";
import { platform } from "../wasm/platform.ts";
import type { TrainFlags } from "./options.ts";

/** A run as it was left. */
export interface EarlierRun {
  readonly directory: RunDirectory;
  /** With `--epochs` in it, where that was given. */
  readonly config: RunConfig;
  /** Undefined where it was stopped before its first saving: then it begins anew. */
  readonly checkpoint: Checkpoint | undefined;
  readonly metrics: readonly EpochMetrics[];
  /** No epoch is left to do. */
  readonly complete: boolean;
}

/**
 * Reads a run that is to go on.
 *
 * @throws ConfigError where flags or the environment say otherwise than the run
 * @throws FormatError where its files are damaged or do not belong together
 */
export async function openEarlier(path: string, flags: TrainFlags): Promise<EarlierRun> {
  const directory = new RunDirectory(path);
  const earlier = await directory.readConfig();
  expectSameSettings(path, earlier, flags);
  const checkpoint = await directory.readCheckpoint();
  if (checkpoint !== undefined) expectSameRun(directory, earlier, checkpoint);
  const config = { ...earlier, epochs: flags.epochs ?? earlier.epochs };
  const done = checkpoint?.state.epoch ?? 0;
  const further = (checkpoint?.state.step ?? 0) > 0;
  if (flags.epochs !== undefined && (flags.epochs < done || (flags.epochs === done && further))) {
    const steps = further ? ` and ${checkpoint?.state.step} steps` : "";
    throw new ConfigError(
      `--epochs must be more than the ${done} epochs${steps} that ${path} has behind it, not ${flags.epochs}`,
    );
  }
  const metrics = await directory.readMetrics(done);
  return { directory, config, checkpoint, metrics, complete: done >= config.epochs };
}

/** A setting's name, what it was, and what it would be now. */
type Setting = readonly [name: string, from: unknown, to: unknown];

function differences(settings: readonly Setting[]): string[] {
  return settings
    .filter(([, from, to]) => JSON.stringify(from) !== JSON.stringify(to))
    .map(([name, from, to]) => `${name} ${String(from)} → ${String(to)}`);
}

function expectSameSettings(
  path: string,
  { model, training, arithmetic }: RunConfig,
  flags: TrainFlags,
): void {
  const given: Setting[] = [
    ["--batch-size", training.batchSize, flags.batchSize],
    ["--lr", training.learningRate, flags.lr],
    ["--hidden", model.hidden, flags.hidden],
    ["--latent", model.latentDim, flags.latent],
    ["--activation", model.activation, flags.activation],
    ["--likelihood", model.likelihood, flags.likelihood],
    ["--seed", model.seed, flags.seed],
    ["ELBOW_KERNELS", arithmetic, platform().asked().arithmetic],
  ];
  const differing = differences(given.filter(([, , to]) => to !== undefined));
  if (differing.length === 0) return;
  throw new ConfigError(
    `${path} was begun with other settings: ${differing.join(", ")}; leave them out to go on with it, ` +
      "or start a new run without --resume",
  );
}

/** config.json may have been edited, or files of two runs mixed. */
function expectSameRun(
  directory: RunDirectory,
  config: RunConfig,
  { config: model, training, info }: Checkpoint,
): void {
  const settings = { ...config.model, ...config.training };
  const saved = { ...model, ...training };
  const keys = Object.keys(saved) as (keyof typeof saved)[];
  const differing = differences([
    ...keys.map((key): Setting => [key, saved[key], settings[key]]),
    ["arithmetic", info.arithmetic, config.arithmetic],
    ["dataset", shortSum(info.dataset?.sha256 ?? "none"), shortSum(config.data.sha256)],
  ]);
  if (differing.length === 0) return;
  throw new FormatError(
    `${directory.file(RUN_FILES.config)} says otherwise than ${RUN_FILES.checkpoint} beside it: ` +
      `${differing.join(", ")}; change it back to go on`,
  );
}

/**
 * @throws DataError where the data is not what the run was begun with
 * @throws FormatError where the checkpoint stands at a step that this data does not have
 */
export function expectSameData({ directory, config, checkpoint }: EarlierRun, dataset: Dataset): void {
  const { name, sha256 } = config.data;
  if (dataset.sha256 !== sha256) {
    throw new DataError(
      `${directory.path} was begun with other data: ${name} (SHA-256 ${shortSum(sha256)}) → ` +
        `${dataset.name} (${shortSum(dataset.sha256)}); say where its data is (--data, --data-dir) to go on with it`,
    );
  }
  const steps = stepsPerEpoch(dataset.train.count, config.training.batchSize);
  const step = checkpoint?.state.step ?? 0;
  if (step < steps) return;
  throw new FormatError(
    `${directory.file(RUN_FILES.checkpoint)}: expected a step below ${steps}, found ${step}; the file is damaged`,
  );
}
