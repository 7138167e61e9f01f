/** Which directory a run gets, and that it is the only run in it. No run replaces or mixes with another unless asked. */
import { constants } from "node:fs";
import { access, mkdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { STEERING, shellWord } from "../codecs/quote.ts";
import { FileError } from "../errors.ts";
import { makeDirectories, removeEmpty } from "../files/directory-node.ts";
import { Lock, type LockOptions } from "./lock-node.ts";
import { clearDrafts, Replacement, settleReplacements } from "./replacement-node.ts";
import type { RunConfig } from "./run-config.ts";
import { exists, isRunFile, namesIn, RUN_FILES, RunDirectory } from "./run-directory-node.ts";
import { type OwnedDirectory, RunWriter } from "./run-writer-node.ts";

/** Held by the one process that writes to a run's directory. */
export const LOCK_FILE = "run.lock";

/** How a lock is waited for. */
export type LockWait = Pick<LockOptions, "signal" | "onWatch" | "watch">;

/**
 * Takes a directory for a new run, before any work is done for it. With `overwrite` an old run stays whole until the new one
 * has saved for the first time. Of several runs that claim a directory, one gets it.
 *
 * @param id the new run's
 * @throws {FileError} when another run is at work in it, when it has a run and `overwrite` is false, or when it cannot be made
 * or written to; nothing has changed then
 */
export async function claim(
  path: string,
  id: string,
  overwrite: boolean,
  wait: LockWait = {},
): Promise<RunWriter> {
  const replace = async (): Promise<Owned> => {
    await expectFree(path, overwrite); // again: another run may have come and gone
    const old = overwrite ? await oldConfig(path) : undefined;
    if (old === undefined) return { id };
    if (old.id !== undefined) await clearDrafts(path, old.id);
    return { id, replacement: await Replacement.make(path, id) };
  };
  Lock.expectFree(join(path, LOCK_FILE), lockWords(path));
  await expectFree(path, overwrite);
  for (let tries = 1; ; tries++) {
    const made: string[] = [];
    try {
      await makeDirectories(resolve(path), made);
      return await own(path, id, made, wait, replace);
    } catch (error) {
      await removeEmpty(made);
      // a run that failed has just removed the directories that it had made
      if (codeOf(error) === "ENOENT" && tries < MOST_TRIES) continue;
      throw error instanceof FileError ? error : cannotMake(path, error);
    }
  }
}

const MOST_TRIES = 5;

/**
 * Makes a new directory for a run, `runs/mnist-20250131-142530`, with a number if there is one of this name: runs that
 * start in the same second get one each.
 *
 * @param dataset its name
 * @throws {FileError} when none can be made or written to
 */
export async function claimNew(dataset: string, id: string, now: Date): Promise<RunWriter> {
  const first = defaultPath(dataset, now);
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
    return own(path, id, made, {}, async () => ({ id }));
  }
}

/**
 * Takes the directory of an earlier run, to resume it.
 *
 * @param id the mark of drafts for a run of version 0.1.0, which has none
 * @throws {FileError} when there is no run, another is at work in it, or the directory cannot be written to
 */
export async function claimEarlier(path: string, id: string, wait: LockWait = {}): Promise<RunWriter> {
  const readId = async (): Promise<string> => (await new RunDirectory(path).readConfig()).id ?? id;
  return own(path, await readId(), undefined, wait, async () => ({ id: await readId() }));
}

/** How errors speak of a directory's lock. */
function lockWords(path: string): Pick<LockOptions, "setting" | "remedy"> {
  return { setting: path, remedy: "wait until it ends, or end it by Ctrl-C or kill, which saves it" };
}

/** What the owner of a directory is told about the run. */
type Owned = Pick<OwnedDirectory, "id" | "replacement">;

/**
 * Takes the lock, and completes or clears what a process left that died with it.
 *
 * @param id goes into the lock
 * @param made directories that were made for the run; undefined for an earlier run
 * @param prepare runs when the directory is this process's
 */
async function own(
  path: string,
  id: string,
  made: readonly string[] | undefined,
  wait: LockWait,
  prepare: () => Promise<Owned>,
): Promise<RunWriter> {
  let lock: Lock | undefined;
  try {
    lock = await Lock.take(join(path, LOCK_FILE), { owner: id, ...lockWords(path), ...wait });
    if (lock.left !== undefined) await clearDrafts(path, lock.left);
    const discarded = await settleReplacements(path, lock.left);
    return new RunWriter({
      ...(await prepare()),
      discarded,
      afterCrash: lock.left !== undefined,
      directory: new RunDirectory(path),
      lock,
      made,
    });
  } catch (error) {
    lock?.release();
    await removeEmpty(made);
    throw error;
  }
}

/**
 * Refuses a directory that cannot become a run's, before any work and without a change.
 *
 * @throws {FileError} when it holds a run and `overwrite` is false, or cannot be written to
 */
export async function expectFree(path: string, overwrite: boolean): Promise<void> {
  const present = await list(path);
  const ours = present?.find(isRunFile);
  if (ours === undefined) return expectWritable(path);
  if (!present!.includes(RUN_FILES.config)) {
    throw new FileError({
      setting: path,
      expected: `a run, or a directory without ${ours}`,
      found: `${ours} without a run`,
      remedy: "give another --out",
    });
  }
  if (!overwrite) throw taken(path);
  await oldConfig(path);
}

function taken(path: string): FileError {
  const remedy = `resume it with --resume ${shellWord(path)} or replace it with --overwrite`;
  return new FileError({ setting: path, expected: "no run", found: "one", remedy });
}

/** Before files are replaced: config.json must be a run's and not another program's. Undefined if there is none. */
async function oldConfig(path: string): Promise<RunConfig | undefined> {
  const directory = new RunDirectory(path);
  if (!(await directory.hasConfig())) return undefined;
  try {
    return await directory.readConfig();
  } catch (cause) {
    const setting = directory.file(RUN_FILES.config);
    const remedy = "give another --out";
    throw new FileError(
      { setting, expected: "the config of a run to overwrite", found: "another file", remedy },
      { cause },
    );
  }
}

/** The system's word for an error, or for what caused it. */
function codeOf(error: unknown): string | undefined {
  const { code, cause } = error as NodeJS.ErrnoException;
  return code ?? (cause as NodeJS.ErrnoException | undefined)?.code;
}

function defaultPath(dataset: string, now: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const date = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  return join("runs", `${fileName(dataset)}-${date}-${time}`);
}

/** Bytes of a dataset's name in a path: file systems allow 255 for all of a name. */
const LONGEST_NAME = 200;

/** A dataset's name without what steers a terminal, and short enough for date and number to follow it. */
function fileName(dataset: string): string {
  const plain = dataset.replaceAll(STEERING, "_");
  // whole characters: the decoder keeps back the bytes of one that was cut
  const bytes = new TextEncoder().encode(plain).subarray(0, LONGEST_NAME);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes, { stream: true }) || "data";
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

async function list(path: string): Promise<string[] | undefined> {
  return namesIn(path).catch((error: unknown) => {
    throw cannotMake(path, error);
  });
}

const REASONS: ReadonlyMap<string | undefined, string> = new Map([
  ["ENOTDIR", "a file in its path"],
  ["EEXIST", "a file in its path"],
  ["EACCES", "no permission"],
  ["EPERM", "no permission"],
  ["ENOENT", "a place that allows no directories"],
  ["EROFS", "a read-only file system"],
  ["ENOSPC", "a full disk"],
  ["ENAMETOOLONG", "a name that is too long"],
]);

function cannotMake(path: string, cause: unknown): FileError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const found = REASONS.get(code) ?? message;
  const expected = "a directory that a run can be written to";
  return new FileError({ setting: path, expected, found, remedy: "give another --out" }, { cause });
}
