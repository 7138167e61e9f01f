/** Writes files atomically, and explains what the system refuses. */
import { constants, type Stats } from "node:fs";
import {
  access,
  copyFile,
  link,
  lstat,
  mkdir,
  open,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { dirname } from "node:path";
import { FileError } from "../errors.ts";
import { isMark, newMark } from "./mark.ts";

export interface WriteOptions {
  /** Make the directories above the file that do not exist yet. Default: false, a missing one is an error. */
  readonly parents?: boolean;
  /** Refuse to replace a file, even one that appears meanwhile: of several writers one succeeds. Default: false. */
  readonly exclusive?: boolean;
  /** Replace a link to a file by the file. Default: false, the file that it leads to is replaced. */
  readonly replaceLink?: boolean;
  /** Who writes it, for `isDraft`. Default: nobody who will ask. */
  readonly owner?: string | undefined;
}

/** New contents that are on disk, beside the place of their file. */
export interface Draft {
  /** Gives them their name, and syncs the directory. A failure leaves the old file, and no draft. */
  publish(): Promise<void>;
  /** Deletes them. */
  discard(): Promise<void>;
}

/**
 * Writes a file atomically and durably: a draft is written beside its place and synced, then renamed, and the directory
 * is synced. A failure leaves the old file and nothing beside it; a killed process may leave the draft. A device or a
 * pipe (`/dev/stdout`) cannot be replaced and is written directly.
 *
 * @throws {FileError} when the system refuses
 */
export async function writeWhole(
  path: string,
  contents: Uint8Array | string,
  options: WriteOptions = {},
): Promise<void> {
  await (await writeDraft(path, contents, options)).publish();
}

/**
 * The first half of `writeWhole`, for files that appear together: the disk has room for all before the first is replaced.
 *
 * @throws {FileError} when the system refuses; there is no draft then
 */
export async function writeDraft(
  path: string,
  contents: Uint8Array | string,
  { parents = false, exclusive = false, replaceLink = false, owner }: WriteOptions = {},
): Promise<Draft> {
  const explained = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw cause instanceof FileError ? cause : writeError(path, cause);
    }
  };
  return explained(async () => {
    if (parents) await mkdir(dirname(path), { recursive: true });
    const there = await (replaceLink ? lstat : stat)(path).catch(() => undefined);
    if (there?.isDirectory()) throw systemError("EISDIR");
    const isLink = there?.isSymbolicLink() ?? false;
    // Renaming over a device would replace it by a plain file: as root, that would be the end of /dev/null.
    if (there !== undefined && !there.isFile() && !isLink) {
      return { publish: () => explained(() => writeFile(path, contents)), discard: async () => {} };
    }
    if (there !== undefined && exclusive) throw taken(path);
    const place = there === undefined || isLink ? path : await realpath(path);
    const draft = draftName(place, owner);
    const discard = (): Promise<void> => rm(draft, { force: true }).catch(() => {});
    await orElse(() => fill(draft, contents, isLink ? undefined : there), discard);
    const move = exclusive ? appear : rename;
    return {
      publish: () =>
        explained(() => orElse(() => move(draft, place), discard).then(() => syncDirectory(dirname(place)))),
      discard,
    };
  });
}

/** Does `undo` when `work` fails. */
export async function orElse(work: () => Promise<void>, undo: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await undo();
    throw error;
  }
}

/** Writes a new file with the owner and the mode of the old one. */
async function fill(path: string, contents: Uint8Array | string, old: Stats | undefined): Promise<void> {
  // Exclusive, so that it is a new file: neither another's nor one behind a link.
  const file = await open(path, "wx");
  try {
    // Only root may give files away, and only the mode needs to be kept.
    if (old) await file.chown(old.uid, old.gid).catch(() => {});
    if (old) await file.chmod(old.mode);
    await file.writeFile(contents);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Renames to a name that is free. Unlike a rename, a link never replaces a file. */
async function appear(from: string, to: string): Promise<void> {
  try {
    await link(from, to).catch(async (error: NodeJS.ErrnoException) => {
      if (!NO_LINKS.has(error.code)) throw error;
      await copyFile(from, to, constants.COPYFILE_EXCL);
    });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "EEXIST" ? taken(to) : error;
  }
  await rm(from);
}

function taken(path: string): FileError {
  const remedy = "choose another place or remove it";
  return new FileError({ setting: path, expected: "no file", found: "one", remedy });
}

/** What file systems without links say, such as FAT. */
const NO_LINKS: ReadonlySet<string | undefined> = new Set([
  "EPERM",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "EMLINK",
]);

/** Without it, a new name may be lost when the power fails. Not every system can, and the file is whole either way. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path).catch(() => undefined);
  await directory?.sync().catch(() => {});
  await directory?.close();
}

const DRAFT = ".draft";

/** `NAME.OWNER-MARK.draft`: nobody else's file has this name. */
function draftName(path: string, owner = ""): string {
  return `${path}.${owner}-${newMark()}${DRAFT}`;
}

/** Whether a name is that of a draft of the file `of`, which its owner left behind when it was killed. */
export function isDraft(name: string, of: string, owner: string): boolean {
  const start = `${of}.${owner}-`;
  return name.startsWith(start) && name.endsWith(DRAFT) && isMark(name.slice(start.length, -DRAFT.length));
}

/**
 * Checks, before any work for a file is done, that `writeWhole` could write it now, without making its parents. It
 * changes nothing.
 *
 * @throws {FileError} when `writeWhole` would
 */
export async function expectWritable(path: string): Promise<void> {
  try {
    const there = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    if (there?.isDirectory()) throw systemError("EISDIR");
    if (there !== undefined && !there.isFile()) return await access(path, constants.W_OK);
    // A file is replaced in its directory, whatever its own mode.
    const place = there === undefined ? path : await realpath(path);
    await access(dirname(place), constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw writeError(path, cause);
  }
}

/** The error for a path that the system refuses to write. */
export function writeError(path: string, cause: unknown): FileError {
  return fileError(path, "a writable path", WRITE_FAULTS, cause);
}

/** The error that the system would give, for a fault found before the system is asked. */
export function systemError(code: string, cause?: unknown): Error {
  return Object.assign(new Error(code, { cause }), { code });
}

/** What was found and what to do about it, by the system's error code. */
export type Faults = Readonly<Record<string, readonly [found: string, remedy: string]>>;

export const COMMON_FAULTS: Faults = {
  ENOTDIR: ["a file where the path has a directory", "correct the path"],
  EISDIR: ["a directory", "give the name of a file"],
  ENAMETOOLONG: ["a longer name than the file system allows", "choose a shorter one"],
  ELOOP: ["symbolic links in a circle", "correct the path"],
  ERR_INVALID_ARG_VALUE: ["null bytes in it", "correct the path"],
  EMFILE: ["too many open files", "close some or raise the limit (ulimit -n)"],
  EBUSY: ["a file in use by another program", "close that program and try again"],
  EIO: ["a fault of the disk", "check the disk or use another"],
};

const WRITE_FAULTS: Faults = {
  ...COMMON_FAULTS,
  ENOSPC: ["a full disk", "free some space or choose another place"],
  EDQUOT: ["an exhausted disk quota", "free some space or choose another place"],
  EFBIG: ["a limit on the size of files", "raise the limit (ulimit -f) or choose another place"],
  EACCES: ["no permission to write", "choose another place"],
  EPERM: ["no permission to write", "choose another place"],
  EROFS: ["a read-only file system", "choose another place"],
  ENOENT: ["no such directory", "make the directory first"],
  EEXIST: ["a file where the path has a directory", "correct the path"],
};

/** The error for a path that the system refuses, in the words of a table. */
export function fileError(setting: string, expected: string, faults: Faults, cause: unknown): FileError {
  const { code = "", message } = cause as NodeJS.ErrnoException;
  const [why, remedy] = faults[code] ?? [];
  const found = why === undefined ? JSON.stringify(message) : `${why} (${code})`;
  return new FileError({ setting, expected, found, remedy }, { cause });
}
