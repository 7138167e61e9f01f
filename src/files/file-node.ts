/** Whole files in, whole files out, and what can go wrong with a disk in plain words. */
import { constants } from "node:fs";
import { access, type FileHandle, mkdir, open, realpath, stat, writeFile } from "node:fs/promises";
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
    if (there?.isDirectory()) throw fault("EISDIR");
    // Renaming over a device would put a plain file in its place: as root, that would be the end of /dev/null.
    if (there !== undefined && !there.isFile()) return await writeFile(path, contents);
    await writeFileAtomic(path, "", {
      // The library names, syncs, renames and tidies up. It must not write: it calls write(2) once and takes a short
      // write, which is what a disk gives that has just filled up, for success. Node's own writeFile goes on until all
      // is written or there is an error. The library waits for the promise although its type says void.
      tmpfileCreated: (temporary) => writeFile(temporary, contents),
    });
  } catch (cause) {
    throw writeError(path, cause);
  }
}

/**
 * Before any work is done for a file that `writeWhole` shall write: that it could be written now, without its parents
 * being made. Nothing is touched.
 *
 * @throws FileError as `writeWhole` would
 */
export async function expectWritable(path: string): Promise<void> {
  try {
    const there = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    if (there?.isDirectory()) throw fault("EISDIR");
    if (there !== undefined && !there.isFile()) return await access(path, constants.W_OK);
    // A file is replaced in its directory, whatever its own mode says.
    const place = there === undefined ? path : await realpath(path);
    await access(dirname(place), constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw writeError(path, cause);
  }
}

/** Why something cannot be written there, and what to do. */
export function writeError(path: string, cause: unknown): FileError {
  return fileError(`Cannot write ${path}`, WRITE_FAULTS, cause);
}

/** What Node reads in one call, in bytes. */
const MOST_AT_ONCE = 2 ** 31 - 1;

/** The largest file, in bytes: float64 weights of a model whose float32 fill a WebAssembly memory, and their header. */
const MOST_BYTES = 2 ** 33 + 2 ** 27;

export interface ReadOptions {
  /** Larger files are read in chunks of so many bytes. Default: what Node reads in one call, 2³¹ − 1. */
  readonly atOnce?: number;
}

/**
 * Reads a whole file.
 *
 * @throws FileError, one line: which file, why not, what to do.
 */
export async function readWhole(
  path: string,
  { atOnce = MOST_AT_ONCE }: ReadOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > atOnce) return await readChunks(file, size, atOnce);
      const buffer = await file.readFile();
      // A plain Uint8Array: Buffer has the same type but other ideas, such as a `slice` that does not copy.
      return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw fileError(`Cannot read ${path}`, READ_FAULTS, cause);
  }
}

async function readChunks(file: FileHandle, size: number, atOnce: number): Promise<Uint8Array<ArrayBuffer>> {
  if (size > MOST_BYTES) throw fault("EFBIG");
  const bytes = allocate(size);
  let at = 0;
  while (at < size) {
    const { bytesRead } = await file.read(bytes.subarray(at, at + atOnce));
    if (bytesRead === 0) break; // the file has become shorter meanwhile
    at += bytesRead;
  }
  return bytes.subarray(0, at);
}

function allocate(size: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw fault("ENOMEM", cause);
  }
}

/** What the system would say, where it is found out before the system is asked. */
function fault(code: string, cause?: unknown): Error {
  return Object.assign(new Error(code, { cause }), { code });
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
  ["EFBIG", "it is larger than any file of weights; it is probably not the file that you mean"],
  ["ENOMEM", "there is not enough memory for it; close other programs or use a machine with more"],
]);

function fileError(what: string, faults: Faults, cause: unknown): FileError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const known = code === undefined ? undefined : faults.get(code);
  const why = known === undefined ? String(message).split("\n", 1)[0] : `${known} (${code})`;
  return new FileError(`${what}: ${why}.`, { cause });
}
