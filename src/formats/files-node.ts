/** Whole files in, whole files out, and what can go wrong with a disk in plain words. */
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { FileError } from "../errors.ts";

export interface WriteOptions {
  /** Make the directories above the file that do not exist yet. Default: false, a missing one is an error. */
  readonly parents?: boolean;
}

/**
 * Writes a file that appears whole or not at all: written beside its place, synced, then renamed. When it fails, what was
 * there before is still there, and nothing is left beside it.
 *
 * A device or a pipe (`/dev/stdout`) cannot be replaced and is written to directly.
 *
 * @throws FileError, one line: which file, why not, what to do.
 */
export async function writeWhole(
  path: string,
  contents: Uint8Array | string,
  { parents = false }: WriteOptions = {},
): Promise<void> {
  try {
    if (parents) await mkdir(dirname(path), { recursive: true });
    const there = await stat(path).catch(() => undefined);
    if (there?.isDirectory()) throw Object.assign(new Error("is a directory"), { code: "EISDIR" });
    // Renaming over a device would put a plain file in its place: as root, that would be the end of /dev/null.
    if (there !== undefined && !there.isFile()) return await writeFile(path, contents);
    await writeFileAtomic(path, "", {
      // The library names, syncs, renames and tidies up. It must not write: it calls write(2) once and takes a short
      // write, which is what a disk gives that has just filled up, for success. Node's own writeFile goes on until all
      // is written or there is an error. The library waits for the promise although its type says void.
      tmpfileCreated: (temporary) => writeFile(temporary, contents),
    });
  } catch (cause) {
    throw writeFault(path, cause);
  }
}

/**
 * Reads a whole file.
 *
 * @throws FileError, one line: which file, why not, what to do.
 */
export async function readWhole(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const buffer = await readFile(path);
    // A plain Uint8Array: Buffer has the same type but other ideas, such as a `slice` that does not copy.
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch (cause) {
    throw fileError(`Cannot read ${path}`, READ_FAULTS, cause);
  }
}

/** What a system's error code means to someone who wanted that file, and what to do. */
type Faults = ReadonlyMap<string, string>;

const COMMON_FAULTS: ReadonlyArray<readonly [string, string]> = [
  ["ENOTDIR", "a part of the path is a file and not a directory; correct the path"],
  ["ENAMETOOLONG", "the name is longer than the file system allows; choose a shorter one"],
  ["ELOOP", "the path's symbolic links lead in a circle; correct the path"],
  ["EMFILE", "this process has too many files open; close some or raise the limit (ulimit -n)"],
  ["EIO", "the disk reports a fault; check it or use another"],
];

const WRITE_FAULTS: Faults = new Map([
  ...COMMON_FAULTS,
  ["ENOSPC", "the disk is full; free some space or choose another place"],
  ["EDQUOT", "the disk quota is used up; free some space or choose another place"],
  [
    "EFBIG",
    "the file would be larger than is allowed here; raise the limit (ulimit -f) or choose another place",
  ],
  ["EACCES", "permission denied; choose a place that you may write to"],
  ["EPERM", "the system does not permit it; choose a place that you may write to"],
  ["EROFS", "the file system is read-only; choose another place"],
  ["EISDIR", "it is a directory; give the name of a file"],
  ["ENOENT", "its directory does not exist; make it first"],
  ["EEXIST", "a part of the path is a file and not a directory; correct the path"],
  ["EBUSY", "another program is using it; close that and try again"],
]);

const READ_FAULTS: Faults = new Map([
  ...COMMON_FAULTS,
  ["ENOENT", "there is no such file; check the path"],
  ["EISDIR", "it is a directory; give the name of a file"],
  ["EACCES", "permission denied; ask for the right to read it"],
  ["EPERM", "the system does not permit it; ask for the right to read it"],
  ["EBUSY", "another program is using it; close that and try again"],
  [
    "ERR_FS_FILE_TOO_LARGE",
    "it is larger than can be read at once; it is probably not the file that you mean",
  ],
]);

/** Why a file or a directory could not be written, and what to do. */
export function writeFault(path: string, cause: unknown): FileError {
  return fileError(`Cannot write ${path}`, WRITE_FAULTS, cause);
}

function fileError(what: string, faults: Faults, cause: unknown): FileError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const known = code === undefined ? undefined : faults.get(code);
  const why = known === undefined ? String(message).split("\n", 1)[0] : `${known} (${code})`;
  return new FileError(`${what}: ${why}.`, { cause });
}
