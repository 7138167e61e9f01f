/** A run directory and its files. No run replaces or mixes with another unless asked. */
import { constants } from "node:fs";
import { access, mkdir, readdir, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { shellWord } from "../codecs/quote.ts";
import { DivergedError, FileError } from "../errors.ts";
import { isDraft, writeWhole } from "../files/file-node.ts";
import { readWhole } from "../files/read-node.ts";
import {
  type Checkpoint,
  inspectCheckpoint,
  parseCheckpoint,
  serializeCheckpoint,
} from "../formats/checkpoint.ts";
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
    if (!(await exists(path))) return undefined;
    const bytes = await readWhole(path, { inspect: (head) => inspectCheckpoint(head, path).header.end });
    return parseCheckpoint(bytes, path);
  }

  /** The metrics up to an epoch; later lines have no checkpoint. */
  async readMetrics(epochs: number): Promise<EpochMetrics[]> {
    const path = this.file(RUN_FILES.metrics);
    if (!(await exists(path))) return [];
    // Of a run, a line is a quarter of that; the last epoch may be newer than the checkpoint.
    const most = Math.min(2 ** 16 + epochs * 2 ** 10, 2 ** 28);
    return parseMetrics(await readText(path, most), path).filter(({ epoch }) => epoch <= epochs);
  }

  writeConfig(config: RunConfig): Promise<void> {
    return this.#write(RUN_FILES.config, serializeRunConfig(config), config);
  }

  /**
   * Writes config.json where there is none: who succeeds has the directory.
   *
   * @throws {FileError} when another run was faster, or the system refuses; directories made for it are gone again
   */
  async begin(config: RunConfig): Promise<void> {
    const options = { exclusive: true, replaceLink: true, owner: config.id };
    try {
      await writeWhole(this.file(RUN_FILES.config), serializeRunConfig(config), options);
    } catch (error) {
      await removeEmpty(this.#made);
      throw codeOf(error) === "EEXIST" ? taken(this.path) : error;
    }
  }

  /** Writes a file of the run, never through a link to a file elsewhere. */
  #write(name: string, contents: Uint8Array | string, { id }: RunConfig): Promise<void> {
    return writeWhole(this.file(name), contents, { replaceLink: true, owner: id });
  }

  /** Deletes what the run wrote when it was killed. */
  clearDrafts({ id }: RunConfig): Promise<void> {
    return id === undefined ? Promise.resolve() : remove(this.path, (name) => isDraftOf(name, id));
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
    await this.#write(RUN_FILES.model, serializeModel(weights, { ...info, trained }), config);
    await this.#write(RUN_FILES.metrics, serializeMetrics(metrics), config);
    const checkpoint = serializeCheckpoint({ config: model, training, state, info });
    await this.#write(RUN_FILES.checkpoint, checkpoint, config);
  }

  /** Deletes the directory of a run that saved nothing. An earlier run's directory stays. */
  async abandon(): Promise<void> {
    if (this.#made === undefined) return;
    await remove(this.path, isOurs).catch(() => {});
    await removeEmpty(this.#made);
  }

  savePicture(name: string, png: Uint8Array, config: RunConfig): Promise<void> {
    return this.#write(name, png, config);
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
  const ours = present.find(isOurs);
  if (ours === undefined) return expectWritable(path);
  if (!present.includes(RUN_FILES.config)) {
    throw new FileError({
      setting: path,
      expected: `a run, or a directory without ${ours}`,
      found: `${ours} without a run`,
      remedy: "give another --out",
    });
  }
  if (!overwrite) throw taken(path);
  await expectOurs(path);
}

function taken(path: string): FileError {
  const remedy = `resume it with --resume ${shellWord(path)} or replace it with --overwrite`;
  return new FileError({ setting: path, expected: "no run", found: "one", remedy });
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
 * Makes the directory a new run's: with `overwrite` it deletes the files of an old run, then it writes config.json. Of
 * several runs that claim a directory, one gets it.
 *
 * @throws {FileError} when it has a run (it may have got one since `expectFree`), or cannot be made or written to; a
 * directory that was made for it is deleted again
 */
export async function claim(path: string, config: RunConfig, overwrite: boolean): Promise<RunDirectory> {
  await expectFree(path, overwrite);
  const made: string[] = [];
  const directory = new RunDirectory(path, made);
  try {
    await makeDirectories(resolve(path), made);
    if (overwrite && (await directory.hasConfig())) {
      await directory.clearDrafts(await directory.readConfig());
      await remove(path, isOurs);
    }
  } catch (error) {
    await removeEmpty(made);
    throw error instanceof FileError ? error : cannotMake(path, error);
  }
  await directory.begin(config);
  return directory;
}

/**
 * Makes a new directory for a run, `runs/mnist-20250131-142530`, with a number if there is one of this name: runs that
 * start in the same second get one each.
 *
 * @throws {FileError} when none can be made or written to
 */
export async function claimNew(config: RunConfig, now: Date): Promise<RunDirectory> {
  const first = defaultPath(config.data.name, now);
  for (let path = first, i = 2; ; path = `${first}-${i++}`) {
    const made: string[] = [];
    try {
      await makeDirectories(resolve(dirname(path)), made);
      await mkdir(path); // fails where there is one, at whatever moment it appeared
      made.push(path);
    } catch (error) {
      if (codeOf(error) === "EEXIST") continue;
      await removeEmpty(made);
      throw cannotMake(path, error);
    }
    const directory = new RunDirectory(path, made);
    await directory.begin(config);
    return directory;
  }
}

/** Only the names that a run gives its files: what else is in its directory is somebody else's. */
function isOurs(name: string): boolean {
  return NAMES.includes(name);
}

function isDraftOf(name: string, id: string): boolean {
  return NAMES.some((of) => isDraft(name, of, id));
}

async function remove(path: string, chosen: (name: string) => boolean): Promise<void> {
  for (const name of ((await list(path)) ?? []).filter(chosen)) await rm(join(path, name), { force: true });
}

/**
 * Makes a directory and those above it, one by one; `made` gets those that were not there. (Node's recursive mkdir
 * never returns on a file system that denies its parents exist, as Linux's /proc does.)
 */
async function makeDirectories(path: string, made: string[]): Promise<void> {
  if (await exists(path)) return;
  if (dirname(path) !== path) await makeDirectories(dirname(path), made);
  try {
    await mkdir(path);
    made.push(path);
  } catch (error) {
    if (!(await isDirectory(path))) throw error; // otherwise another process was faster
  }
}

/** Directories that were made in vain, the innermost first. Those with files in them stay. */
async function removeEmpty(made: readonly string[] = []): Promise<void> {
  for (const empty of made.toReversed()) await rmdir(empty).catch(() => {});
}

/** The system's word for an error, or for what caused it. */
function codeOf(error: unknown): string | undefined {
  const { code, cause } = error as NodeJS.ErrnoException;
  return code ?? (cause as NodeJS.ErrnoException | undefined)?.code;
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

function defaultPath(dataset: string, now: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  return join("runs", `${dataset || "data"}-${date}-${time}`);
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
    return await readdir(resolve(path));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
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

/** @param most bytes; config.json has some thousand at most */
async function readText(path: string, most = 2 ** 16): Promise<string> {
  return new TextDecoder().decode(await readWhole(path, { most }));
}
