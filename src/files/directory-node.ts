/** A directory of files that appears whole or not at all. */
import { randomUUID } from "node:crypto";
import { lstat, mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { FileError } from "../errors.ts";
import { writeError, writeWhole } from "./file-node.ts";

/** Contents by file names. */
export type DirectoryFiles = ReadonlyMap<string, Uint8Array | string>;

export interface DirectoryOptions {
  /** Replace a directory that is there and holds files of these names only. Default: false, it is an error. */
  readonly overwrite?: boolean;
}

/**
 * Writes a directory beside its place, then renames it; directories above it are made. When it fails, what was there
 * before is still there.
 *
 * @returns where the directory that it replaced still lies, beside it, if that could not be deleted
 * @throws FileError, one line: what is there already, or which file, why not, what to do.
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
 * Before any work is done for a directory.
 *
 * @returns whether there is one, which may be replaced
 * @throws FileError where something is there that was not to be replaced, or is not ours to replace
 */
export async function expectDirectoryFree(
  path: string,
  names: readonly string[],
  { overwrite = false }: DirectoryOptions,
): Promise<boolean> {
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return false;
  if (!there.isDirectory()) throw new FileError(`${path} exists and is no directory; give another`);
  if (!overwrite) throw new FileError(`${path} exists already; give another, or replace it with --overwrite`);
  const stranger = (await readdir(path)).find((name) => !names.includes(name));
  if (stranger === undefined) return true;
  throw new FileError(`${path} holds ${stranger}, which would be lost with it; give another directory`);
}

/**
 * A full directory cannot be renamed onto, so the old one steps aside until the new one is there.
 *
 * @returns where the old one still is; when it cannot be deleted, the new one is in place all the same
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
