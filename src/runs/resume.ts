/** Opens a run to resume it, and checks that its files, settings and data belong together. */

import { shortSum } from "../codecs/sha256.ts";
import type { Dataset } from "../data/dataset.ts";
import { stepsPerEpoch } from "../data/sampler.ts";
import { DataError, type Fault, FormatError } from "../errors.ts";
import type { Checkpoint } from "../formats/checkpoint.ts";
import type { EpochMetrics } from "../train/metrics.ts";
import type { RunConfig } from "./run-config.ts";
import { RUN_FILES, RunDirectory } from "./run-directory-node.ts";

export interface EarlierRun {
  readonly directory: RunDirectory;
  readonly config: RunConfig;
  /** Undefined if the run was stopped before its first checkpoint: then it starts again. */
  readonly checkpoint: Checkpoint | undefined;
  readonly metrics: readonly EpochMetrics[];
}

/**
 * @param onFault called with what is wrong with the newest checkpoint, where the one before it is taken
 * @throws {FormatError} when files are damaged, or config.json and the checkpoint are of different runs
 */
export async function openEarlier(path: string, onFault?: (error: FormatError) => void): Promise<EarlierRun> {
  const directory = new RunDirectory(path);
  const config = await directory.readConfig();
  const checkpoint = await directory.readCheckpoint(onFault);
  if (checkpoint !== undefined) expectSameRun(directory, config, checkpoint);
  const metrics = await directory.readMetrics(checkpoint?.state.epoch ?? 0);
  return { directory, config, checkpoint, metrics };
}

type Named = Readonly<Record<string, unknown>>;

/** The settings in `found` that differ from `expected`, for an error; undefined if none does. */
export function differences(
  expected: Named,
  found: Named,
  nameOf = (key: string): string => key,
): Pick<Fault, "expected" | "found"> | undefined {
  const keys = Object.keys(found).filter((key) => {
    return found[key] !== undefined && JSON.stringify(found[key]) !== JSON.stringify(expected[key]);
  });
  const list = (settings: Named): string => keys.map((key) => `${nameOf(key)} ${settings[key]}`).join(", ");
  return keys.length === 0 ? undefined : { expected: list(expected), found: list(found) };
}

/** config.json may have been edited, or files of two runs mixed. */
function expectSameRun(directory: RunDirectory, config: RunConfig, checkpoint: Checkpoint): void {
  const { dataset, arithmetic } = checkpoint.info;
  const saved = {
    ...checkpoint.config,
    ...checkpoint.training,
    arithmetic,
    dataset: shortSum(dataset?.sha256 ?? "none"),
  };
  const { model, training, data } = config;
  const found = { ...model, ...training, arithmetic: config.arithmetic, dataset: shortSum(data.sha256) };
  expectNoDifference(directory, differences(saved, found), RUN_FILES.checkpoint);
}

/**
 * @throws {DataError} when the data is not what the run was started with
 * @throws {FormatError} when config.json says other sizes of it, or the checkpoint is at a step that an epoch of this data does not have
 */
export function expectSameData({ directory, config, checkpoint }: EarlierRun, dataset: Dataset): void {
  const { name, sha256 } = config.data;
  if (dataset.sha256 !== sha256) {
    throw new DataError({
      setting: directory.path,
      expected: `its own data, ${name} (SHA-256 ${shortSum(sha256)})`,
      found: `${dataset.name} (SHA-256 ${shortSum(dataset.sha256)})`,
      remedy: "give its data with --data or --data-dir",
    });
  }
  expectSameRows(directory, config, dataset);
  const steps = stepsPerEpoch(dataset.train.count, config.training.batchSize);
  const step = checkpoint?.state.step ?? 0;
  if (step < steps) return;
  throw new FormatError({
    setting: directory.file(RUN_FILES.checkpoint),
    expected: `a step below ${steps}`,
    found: `${step}`,
    remedy: "the file is damaged",
  });
}

function expectSameRows(directory: RunDirectory, { data, model }: RunConfig, { train, test }: Dataset): void {
  const inputShape = train.shape === undefined ? [train.dim] : [...train.shape, 1];
  const actual = { inputShape, train: train.count, test: test.count };
  const found = { inputShape: model.inputShape, train: data.train, test: data.test };
  expectNoDifference(directory, differences(actual, found), "its data");
}

function expectNoDifference(
  directory: RunDirectory,
  different: ReturnType<typeof differences>,
  from: string,
): void {
  if (different === undefined) return;
  throw new FormatError({
    setting: directory.file(RUN_FILES.config),
    expected: `${different.expected} as in ${from}`,
    found: different.found,
    remedy: "change it back",
  });
}
