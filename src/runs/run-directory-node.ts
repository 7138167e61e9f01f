/** A run directory and its files. No run replaces or mixes with another unless asked. */
import { constants } from "node:fs";
import { access, mkdir, readdir, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { shellWord } from "../codecs/quote.ts";
import { DivergedError, FileError } from "../errors.ts";
import { readWhole, writeWhole } from "../files/file-node.ts";
import { type Checkpoint, parseCheckpoint, serializeCheckpoint } from "../formats/checkpoint.ts";
import { serializeModel } from "../formats/model-file.ts";
import type { TrainingState } from "../model/training-state.ts";
import type { EpochMetrics } from "../train/metrics.ts";
import { parseMetrics, serializeMetrics } from "./metrics.ts";
import { parseRunConfig, type RunConfig, serializeRunConfig } from "./run-config.ts";

export const RUN_FILES = {
  config: "config.json",
  metrics: "metrics.jsonl",
  model: "model.safetensors",
  checkpoint: "checkpoint.safetensors",
  samples: "samples.png",
  reconstructions: "reconstructions.png",
  manifold: "manifold.png",
} as const;

/** Written for all data. */
export const CORE_FILES = [RUN_FILES.model, RUN_FILES.checkpoint, RUN_FILES.metrics] as const;

const NAMES: readonly string[] = Object.values(RUN_FILES);

export class RunDirectory {
  /** As the user gave it. */
  readonly path: string;
  /** The directories that were made for it; undefined for an earlier run's. */
  readonly #made: readonly string[] | undefined;

  constructor(path: string, made?: readonly string[]) {
    this.path = path;
    this.#made = made;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  hasConfig(): Promise<boolean> {
    return exists(this.file(RUN_FILES.config));
  }

  async readConfig(): Promise<RunConfig> {
    const path = this.file(RUN_FILES.config);
    if (await exists(path)) return parseRunConfig(await readText(path), path);
    throw new FileError({
      setting: this.path,
      expected: `a run directory with ${RUN_FILES.config}`,
      found: "none",
    });
  }

  /** Undefined if the run was stopped before its first checkpoint. */
  async readCheckpoint(): Promise<Checkpoint | undefined> {
    const path = this.file(RUN_FILES.checkpoint);
    return (await exists(path)) ? parseCheckpoint(await readWhole(path), path) : undefined;
  }

  /** The metrics up to an epoch; later lines have no checkpoint. */
  async readMetrics(epochs: number): Promise<EpochMetrics[]> {
    const path = this.file(RUN_FILES.metrics);
    if (!(await exists(path))) return [];
    return parseMetrics(await readText(path), path).filter(({ epoch }) => epoch <= epochs);
  }

  writeConfig(config: RunConfig): Promise<void> {
    return writeWhole(this.file(RUN_FILES.config), serializeRunConfig(config));
  }

  /**
   * Saves the state of a run. The checkpoint comes last, so the other files are never behind it.
   *
   * @param elbow the version that writes it
   * @throws {DivergedError} when the weights are not finite; nothing is written then
   */
  async save(config: RunConfig, state: TrainingState, metrics: readonly EpochMetrics[], elbow: string) {
    // The trainer has checked them after a whole epoch, but not after an interruption.
    if (state.step > 0 && !state.parameters.every(({ data }) => data.every(Number.isFinite))) {
      const found = `others after step ${state.step} of epoch ${state.epoch + 1}`;
      throw new DivergedError({ setting: "the weights", expected: "finite numbers", found });
    }
    const { data, model, training, arithmetic } = config;
    const info = { elbow, arithmetic, dataset: { name: data.name, sha256: data.sha256 } };
    const trained = { epochs: state.epoch, steps: state.step };
    const weights = { config: model, tensors: () => state.parameters };
    await writeWhole(this.file(RUN_FILES.model), serializeModel(weights, { ...info, trained }));
    await writeWhole(this.file(RUN_FILES.metrics), serializeMetrics(metrics));
    const checkpoint = serializeCheckpoint({ config: model, training, state, info });
    await writeWhole(this.file(RUN_FILES.checkpoint), checkpoint);
  }

  /** Deletes the directory of a run that saved nothing. An earlier run's directory stays. */
  async abandon(): Promise<void> {
    if (this.#made === undefined) return;
    await clear(this.path).catch(() => {});
    for (const empty of this.#made.toReversed()) await rmdir(empty).catch(() => {});
  }

  async savePicture(name: string, png: Uint8Array): Promise<void> {
    await writeWhole(this.file(name), png);
  }
}

/**
 * Refuses a directory that cannot become a run's, before any work and without a change.
 *
 * @throws {FileError} when it holds a run and `overwrite` is false, or cannot be written to
 */
export async function expectFree(path: string, overwrite: boolean): Promise<void> {
  const present = await list(path);
  if (present === undefined) return expectWritable(path);
  const taken = present.find((name) => NAMES.includes(name));
  if (taken === undefined) return expectWritable(path);
  if (!present.includes(RUN_FILES.config)) {
    throw new FileError({
      setting: path,
      expected: `a run, or a directory without ${taken}`,
      found: `${taken} without a run`,
      remedy: "give another --out",
    });
  }
  if (!overwrite) {
    const remedy = `resume it with --resume ${shellWord(path)} or replace it with --overwrite`;
    throw new FileError({ setting: path, expected: "no run", found: "one", remedy });
  }
  await expectOurs(path);
}

/** Before files are deleted: config.json must be a run's and not another program's. */
async function expectOurs(path: string): Promise<void> {
  const config = join(path, RUN_FILES.config);
  try {
    parseRunConfig(await readText(config), config);
  } catch (cause) {
    const remedy = "give another --out";
    throw new FileError(
      { setting: config, expected: "the config of a run to overwrite", found: "another file", remedy },
      { cause },
    );
  }
}

/**
 * Makes the directory a new run's: deletes the files of an old run, and writes config.json.
 *
 * @throws {FileError} when it cannot be made or written to; a directory that was made for it is deleted again
 */
export async function claim(path: string, config: RunConfig): Promise<RunDirectory> {
  const made: string[] = [];
  const directory = new RunDirectory(path, made);
  try {
    await makeDirectories(resolve(path), made);
    await clear(path);
    await directory.writeConfig(config);
  } catch (error) {
    await directory.abandon();
    throw error instanceof FileError ? error : cannotMake(path, error);
  }
  return directory;
}

/** Deletes the files of a run, and nothing else. */
async function clear(path: string): Promise<void> {
  for (const name of (await list(path)) ?? []) {
    // A killed atomic write leaves a temporary file with a number after the name.
    if (NAMES.includes(name.replace(/\.\d+$/, ""))) await rm(join(path, name), { force: true });
  }
}

/**
 * Makes a directory and those above it, one by one; `made` gets those that were not there. (Node's recursive mkdir
 * never returns on a file system that denies its parents exist, as Linux's /proc does.)
 */
async function makeDirectories(path: string, made: string[]): Promise<void> {
  if (await exists(path)) return;
  if (dirname(path) !== path) await makeDirectories(dirname(path), made);
  await mkdir(path);
  made.push(path);
}

/** `runs/mnist-20250131-142530`, with a number if two runs start in the same second. */
export async function defaultDirectory(dataset: string, now: Date): Promise<string> {
  const two = (value: number): string => String(value).padStart(2, "0");
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  const first = join("runs", `${dataset || "data"}-${date}-${time}`);
  for (let path = first, i = 2; ; path = `${first}-${i++}`) {
    if (!(await exists(path))) return path;
  }
}

/** The nearest existing directory above must be writable. */
async function expectWritable(path: string): Promise<void> {
  let nearest = resolve(path);
  while (!(await exists(nearest)) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  try {
    if (!(await stat(nearest)).isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR" });
    await access(nearest, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw cannotMake(path, error);
  }
}

/** The names in a directory; undefined if there is none. */
async function list(path: string): Promise<string[] | undefined> {
  try {
    return await readdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cannotMake(path, error);
  }
}

const REASONS: ReadonlyMap<string | undefined, string> = new Map([
  ["ENOTDIR", "a file in its path"],
  ["EEXIST", "a file in its path"],
  ["EACCES", "no permission"],
  ["EPERM", "no permission"],
  ["ENOENT", "a place that allows no directories"],
  ["EROFS", "a read-only file system"],
  ["ENOSPC", "a full disk"],
]);

function cannotMake(path: string, cause: unknown): FileError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const found = REASONS.get(code) ?? message;
  const expected = "a directory that a run can be written to";
  return new FileError({ setting: path, expected, found, remedy: "give another --out" }, { cause });
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function readText(path: string): Promise<string> {
  return new TextDecoder().decode(await readWhole(path));
}
