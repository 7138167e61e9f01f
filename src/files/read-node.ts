/** Reads files, and believes none: its type, its size and its first bytes are looked at before the rest is read. */
import { constants } from "node:fs";
import { type FileHandle, open, realpath } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { ElbowError, FileError } from "../errors.ts";
import { COMMON_FAULTS, type Faults, fileError, systemError } from "./file-node.ts";

/** The largest file, in bytes: float64 weights of a model whose float32 fill a WebAssembly memory, and their header. */
const MOST_BYTES = 2 ** 33 + 2 ** 27;
/** Bytes of one call: no signal can stop a call that has begun. */
const AT_ONCE = 2 ** 26;
/** The first bytes of a file that `inspect` gets: every header must be in them. */
export const HEAD_BYTES = 2 ** 19;
/** Milliseconds until an empty pipe is asked again. */
const PAUSE = 2;

/** The first bytes of a file, or all that it has, and its size in bytes: infinite for a pipe's. */
export interface Head {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly size: number;
}

export interface ReadOptions {
  /** Larger files are refused. Default: 8 GiB and a header. */
  readonly most?: number;
  /**
   * Throws if the first bytes show a fault, otherwise returns the size that they promise; only then the rest is read.
   * With it a pipe without a name can be read, too, such as /dev/stdin or the shell's <(…).
   */
  readonly inspect?: (head: Head) => number;
  /** Bytes of one call. Default: 64 MiB. */
  readonly atOnce?: number;
  /** Ends reading between two calls; the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a whole file.
 *
 * @throws {FileError} when the system refuses, or it is no regular file, too large, or does not fit in memory
 * @throws what `inspect` throws
 */
export function readWhole(path: string, options: ReadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const { inspect } = options;
  return opened(path, options, async (file, size) => {
    const head = await fill(file, allocate(Math.min(size, inspect ? HEAD_BYTES : size)), 0, options);
    const promised = inspect?.({ bytes: head, size }) ?? size;
    // One byte more of a pipe, so that whoever reads the result sees that there are too many.
    const wanted = size === Number.POSITIVE_INFINITY ? promised + 1 : promised;
    if (wanted <= head.length || head.length < HEAD_BYTES) return head;
    const whole = allocate(wanted);
    whole.set(head);
    return fill(file, whole, head.length, options);
  });
}

/**
 * Reads the first bytes of a file.
 *
 * @param most how many
 * @throws {FileError} when the system refuses, or it is no regular file or too large
 */
export function readHead(path: string, most = HEAD_BYTES, options: ReadOptions = {}): Promise<Head> {
  return opened(path, options, async (file, size) => {
    return { bytes: await fill(file, allocate(Math.min(size, most)), 0, options), size };
  });
}

async function opened<T>(
  path: string,
  { most = MOST_BYTES, inspect, signal }: ReadOptions,
  use: (file: FileHandle, size: number) => Promise<T>,
): Promise<T> {
  try {
    // Without O_NONBLOCK, a pipe that nobody writes to cannot be opened, and the call cannot be stopped.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const size = await sizeOf(file, path, inspect !== undefined);
      if (size > most && size < Number.POSITIVE_INFINITY) throw tooLarge(path, most, size);
      return await use(file, size);
    } finally {
      await file.close();
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause instanceof ElbowError ? cause : fileError(path, "a readable file", READ_FAULTS, cause);
  }
}

async function sizeOf(file: FileHandle, path: string, mayBePipe: boolean): Promise<number> {
  const found = await file.stat();
  if (found.isFile()) return found.size;
  if (found.isDirectory()) throw systemError("EISDIR");
  // A pipe with a name may have no writer, now or ever. Without one it has no path that could be followed.
  const isNamed = !mayBePipe || (await realpath(path).catch(() => undefined)) !== undefined;
  if (found.isFIFO() && !isNamed) return Number.POSITIVE_INFINITY;
  const what = found.isFIFO() ? "a pipe" : "a device";
  const remedy = "copy its contents to a file first";
  throw new FileError({ setting: path, expected: "a regular file", found: what, remedy });
}

function tooLarge(setting: string, most: number, size: number): FileError {
  const fault = { setting, expected: `at most ${most} bytes`, found: `${size}` };
  return new FileError({ ...fault, remedy: "check the path" });
}

/** Reads until the array is full or the file ends; what was read, as a view. */
async function fill(
  file: FileHandle,
  bytes: Uint8Array<ArrayBuffer>,
  start: number,
  { atOnce = AT_ONCE, signal }: ReadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  let at = start;
  while (at < bytes.length) {
    signal?.throwIfAborted();
    const read = await readSome(file, bytes.subarray(at, at + atOnce));
    if (read === 0) break;
    at += read ?? 0;
    if (read === undefined) await setTimeout(PAUSE);
  }
  return bytes.subarray(0, at);
}

/** The number of bytes read: 0 at the end, undefined if a pipe is empty for now. */
async function readSome(file: FileHandle, bytes: Uint8Array): Promise<number | undefined> {
  try {
    return (await file.read(bytes, 0, bytes.length, null)).bytesRead;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
    throw error;
  }
}

/** The system gives the memory when it is written to, so a size that a file only claims costs nothing. */
function allocate(size: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw systemError("ENOMEM", cause);
  }
}

const READ_FAULTS: Faults = {
  ...COMMON_FAULTS,
  ENOENT: ["no such file", "check the path"],
  EACCES: ["no permission to read", "ask for the right to read it"],
  EPERM: ["no permission to read", "ask for the right to read it"],
  ENXIO: ["a socket", "copy its contents to a file first"],
  ENOMEM: ["too little memory for it", "close other programs or use a machine with more"],
};
