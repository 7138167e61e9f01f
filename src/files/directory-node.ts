/** Directories: made with those above them, removed when in vain, written atomically. */
import { randomUUID } from "node:crypto";
import { lstat, mkdir, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { FileError } from "../errors.ts";
import { writeError, writeWhole } from "./file-node.ts";

/** Contents by file names. */
export type DirectoryFiles = ReadonlyMap<string, Uint8Array | string>;

export interface DirectoryOptions {
  /** Replace an existing directory that has only files of these names. Default: false, it is an error. */
  readonly overwrite?: boolean;
}

/**
 * Writes a directory atomically: it is written beside its place, then renamed; missing parents are made. A failure
 * leaves the old directory.
 *
 * @returns the path, beside the new directory, of the old one if that could not be deleted
 * @throws {FileError} when the path is in use, or a file cannot be written
 */
export async function writeWholeDirectory(
  path: string,
  files: DirectoryFiles,
  options: DirectoryOptions = {},
): Promise<string | undefined> {
  const replaces = await expectDirectoryFree(path, [...files.keys()], options);
  const place = resolve(path);
  const draft = `${place}.${randomUUID()}`;
  try {
    await mkdir(dirname(place), { recursive: true });
    await mkdir(draft);
    for (const [name, contents] of files) await writeWhole(join(draft, name), contents);
    if (replaces) return await exchange(draft, place);
    await rename(draft, place);
    return undefined;
  } catch (cause) {
    throw cause instanceof FileError ? cause : writeError(path, cause);
  } finally {
    await rm(draft, { recursive: true, force: true }).catch(() => {});
  }
}

/**
 * Checks, before any work for it is done, that a directory can be written.
 *
 * @returns whether it replaces another
 * @throws {FileError} when the path is in use and may not be replaced
 */
export async function expectDirectoryFree(
  path: string,
  names: readonly string[],
  { overwrite = false }: DirectoryOptions,
): Promise<boolean> {
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return false;
  const inUse = (expected: string, found: string, remedy = "choose another directory"): FileError =>
    new FileError({ setting: path, expected, found, remedy });
  if (!there.isDirectory()) throw inUse("a directory", "a file or a link");
  const other = "choose another, or replace it with --overwrite";
  if (!overwrite) throw inUse("a new directory", "an existing one", other);
  const stranger = (await readdir(path)).find((name) => !names.includes(name));
  if (stranger === undefined) return true;
  throw inUse(`only ${names.join(", ")} to replace`, `${stranger}, which would be lost`);
}

/**
 * Replaces a directory. Nothing can be renamed onto a full directory, so the old one is renamed first, and back if that
 * fails.
 *
 * @returns the path of the old one if it cannot be deleted
 */
async function exchange(draft: string, place: string): Promise<string | undefined> {
  const aside = `${place}.${randomUUID()}`;
  await rename(place, aside);
  try {
    await rename(draft, place);
  } catch (error) {
    await rename(aside, place);
    throw error;
  }
  return rm(aside, { recursive: true }).then(
    () => undefined,
    () => aside,
  );
}

/**
 * Makes a directory and those above it, one by one; `made` gets those that were not there. (Node's recursive mkdir
 * never returns on a file system that denies its parents exist, as Linux's /proc does.)
 */
export async function makeDirectories(path: string, made: string[]): Promise<void> {
  if ((await stat(path).catch(() => undefined)) !== undefined) return;
  if (dirname(path) !== path) await makeDirectories(dirname(path), made);
  try {
    await mkdir(path);
    made.push(path);
  } catch (error) {
    if (!(await isDirectory(path))) throw error; // otherwise another process was faster
  }
}

/** Directories that were made in vain, the innermost first. Those with files in them stay. */
export async function removeEmpty(made: readonly string[] = []): Promise<void> {
  for (const empty of made.toReversed()) await rmdir(empty).catch(() => {});
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
