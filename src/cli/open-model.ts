/** Opens <model>: a model file, or a run directory with one. */
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { shortSum } from "../codecs/sha256.ts";
import type { Dataset } from "../data/dataset.ts";
import { isDownloadable } from "../data/registry.ts";
import { ConfigError, DataError, FileError } from "../errors.ts";
import { readWhole } from "../files/read-node.ts";
import { inspectModel, type ModelFile, parseModel } from "../formats/model-file.ts";
import { Vae } from "../node.ts";
import type { DataSource, RunConfig } from "../runs/run-config.ts";
import { RUN_FILES, RunDirectory } from "../runs/run-directory-node.ts";
import { supportedArithmetic } from "../wasm/builds.ts";
import { platform } from "../wasm/platform.ts";
import { dataSource, elsewhere, loadSource } from "./data.ts";
import type { DataFlags } from "./options.ts";

export interface OpenedFile extends ModelFile {
  readonly path: string;
  /** The run that it belongs to, if it is in a run directory. */
  readonly run?: { readonly directory: RunDirectory; readonly config: RunConfig } | undefined;
}

export interface OpenedModel extends OpenedFile {
  readonly vae: Vae;
}

/** Reads and checks the file, and creates no model yet. */
export async function openFile(path: string): Promise<OpenedFile> {
  const directory = await openRun(path);
  const file = directory?.file(RUN_FILES.model) ?? path;
  const model = await readModel(file);
  // A model that was imported into a directory has no run.
  if (directory === undefined || !(await directory.hasConfig())) return { ...model, path: file };
  return { ...model, path: file, run: { directory, config: await directory.readConfig() } };
}

async function readModel(path: string): Promise<ModelFile> {
  return parseModel(await readWhole(path, { inspect: (head) => inspectModel(head, path).header.end }), path);
}

/** A model that is ready to run, with the arithmetic that trained it if this machine has it. */
export async function openModel(path: string): Promise<OpenedModel> {
  const file = await openFile(path);
  const { arithmetic } = file.info;
  const asked = platform().asked().arithmetic;
  const usable = arithmetic !== undefined && supportedArithmetic().includes(arithmetic);
  const { tensors } = file;
  const vae = await Vae.create(
    file.config,
    asked === undefined && usable ? { tensors, arithmetic } : { tensors },
  );
  return { ...file, vae };
}

/** The run of a run directory, or of a model file that is still in one. */
async function openRun(path: string): Promise<RunDirectory | undefined> {
  const there = await stat(path).catch(() => undefined);
  if (!there?.isDirectory()) {
    if (basename(path) !== RUN_FILES.model) return undefined;
    return new RunDirectory(dirname(path));
  }
  const directory = new RunDirectory(path);
  const file = directory.file(RUN_FILES.model);
  if (await stat(file).catch(() => undefined)) return directory;
  throw new FileError({ setting: path, expected: `a run directory with ${RUN_FILES.model}`, found: "none" });
}

/**
 * The data to run a model on: --data, otherwise what the model was trained on.
 *
 * @throws {DataError} when that data is not here, or does not fit the model
 */
export async function dataFor(model: OpenedFile, { data, dataDir }: DataFlags): Promise<Dataset> {
  const source = data === undefined ? ownData(model, dataDir) : dataSource(data, dataDir);
  const dataset = await loadSource(source);
  const { inputDim } = model.config;
  if (dataset.test.dim !== inputDim) {
    throw new DataError({
      setting: source.source,
      expected: `rows of ${inputDim} numbers as in ${model.path}`,
      found: `rows of ${dataset.test.dim}`,
      remedy: "give the model's data with --data",
    });
  }
  const trainedOn = model.info.dataset;
  if (data === undefined && trainedOn !== undefined && trainedOn.sha256 !== dataset.sha256) {
    throw new DataError({
      setting: source.source,
      expected: `the data that ${model.path} was trained on (SHA-256 ${shortSum(trainedOn.sha256)})`,
      found: `other data (SHA-256 ${shortSum(dataset.sha256)})`,
      remedy: `give --data ${source.source} to use it anyway`,
    });
  }
  return dataset;
}

function ownData({ path, run, info }: OpenedFile, dataDir: string | undefined): DataSource {
  if (run !== undefined) return elsewhere(run.config.data, dataDir);
  const name = info.dataset?.name;
  if (name !== undefined && (name === "digits" || isDownloadable(name))) return dataSource(name, dataDir);
  const trainedOn = name === undefined ? "" : `, which was trained on ${name}`;
  const expected = `mnist, fashion-mnist, digits or a directory of IDX files, for ${path}${trainedOn}`;
  throw new ConfigError({ setting: "--data", expected, found: "nothing" });
}
