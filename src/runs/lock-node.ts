/** A file that one process holds at a time. */
import {
  closeSync,
  futimesSync,
  lstatSync,
  openSync,
  readFileSync,
  rmSync,
  type Stats,
  writeSync,
} from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { JsonReader } from "../codecs/json-reader.ts";
import { FileError, FormatError } from "../errors.ts";
import { writeError } from "../files/file-node.ts";
import { isMark, newMark } from "../files/mark.ts";
import { type Holder, isAlive, thisProcess } from "./holder-node.ts";

/** What stands in the file. */
interface Entry extends Holder {
  /** Random, of this holding of the lock. */
  readonly token: string;
  /** Whose files the holder writes: see `LockOptions.owner`. */
  readonly owner: string;
}

export interface LockOptions {
  /** A mark that the holder's drafts bear, so that who takes over from a dead holder can delete them. */
  readonly owner: string;
  /** What to call the locked thing in errors. Default: the file. */
  readonly setting?: string;
  /** What to do when another holds it. */
  readonly remedy?: string;
  /** Ends the watching. */
  readonly signal?: AbortSignal;
  /** Called once when a holder can only be judged by its heartbeat, which takes a while. */
  readonly onWatch?: (holder: Holder, seconds: number) => void;
  /** How often, and how many ms apart, to look for a heartbeat. Default: 60 times, each second. */
  readonly watch?: Watch;
}

interface Watch {
  readonly looks: number;
  readonly every: number;
}

const WATCH: Watch = { looks: 60, every: 1000 };
const HEARTBEAT_MS = 5000;
/** A lock that was just taken over is looked at again after this time: two may have found the same holder dead. */
const SETTLE_MS = 50;
/** Longer files are no locks. */
const MOST_BYTES = 4096;

/**
 * A lock by a file that only one process can create. A holder on this machine is judged by its process; elsewhere its lock is
 * free when its heartbeat, the file's time, has stood still while another watched. A lock is never free for a moment only
 * because its holder is slow: the watcher counts looks of its own and trusts no clock.
 */
export class Lock {
  /** The owner of drafts that a dead holder left; undefined if there was none. */
  readonly left: string | undefined;
  readonly #path: string;
  readonly #entry: Entry;
  readonly #options: LockOptions;
  readonly #file: number;
  readonly #heartbeat: NodeJS.Timeout;
  #released = false;

  private constructor(path: string, entry: Entry, file: number, options: LockOptions, left?: string) {
    this.#path = path;
    this.#entry = entry;
    this.#file = file;
    this.#options = options;
    this.left = left;
    // through the open file: should the lock be another's by now, its time is not touched
    this.#heartbeat = setInterval(() => beat(file), HEARTBEAT_MS).unref();
    if (held.size === 0) process.once("exit", releaseAll);
    held.add(this);
  }

  /** @throws {FileError} when another holds it, the file is no lock, or the system refuses */
  static async take(path: string, options: LockOptions): Promise<Lock> {
    const entry: Entry = { ...thisProcess(), token: newMark(), owner: options.owner };
    let left: string | undefined;
    for (;;) {
      const file = create(path, entry);
      if (file !== undefined) {
        const lock = new Lock(path, entry, file, options, left);
        if (left !== undefined) await lock.#settle();
        return lock;
      }
      const found = look(path);
      if (found === undefined) continue; // released meanwhile
      await expectGone(path, found, options);
      // unchanged in the same moment, or others took it over during the watching
      if (look(path)?.token === found.token) remove(path);
      left = found.owner;
    }
  }

  /**
   * For an error before any work; `take` has the last word.
   *
   * @throws {FileError} when a process of this machine holds it
   */
  static expectFree(path: string, options: Pick<LockOptions, "setting" | "remedy">): void {
    const found = look(path);
    if (found !== undefined && isAlive(found)) throw heldBy(path, found, options);
  }

  async #settle(): Promise<void> {
    await sleep(SETTLE_MS);
    try {
      this.expectHeld();
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /**
   * To be called before every change of what is locked.
   *
   * @throws {FileError} when another has taken the lock over, because this process stood still for too long
   */
  expectHeld(): void {
    const found = this.#released ? undefined : look(this.#path);
    if (found?.token === this.#entry.token) return;
    throw heldBy(this.#path, found, { ...this.#options, remedy: "this process has lost it and stops" });
  }

  /** Deletes the file, unless another has taken it over. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    clearInterval(this.#heartbeat);
    held.delete(this);
    if (held.size === 0) process.off("exit", releaseAll);
    closeSync(this.#file);
    try {
      if (look(this.#path)?.token === this.#entry.token) rmSync(this.#path, { force: true });
    } catch {
      // the lock stays, and its holder is found dead
    }
  }
}

/** A second Ctrl-C ends the process at once, but not before its locks are gone. */
const held = new Set<Lock>();
function releaseAll(): void {
  for (const lock of held) lock.release();
}

function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw writeError(path, error);
  }
}

/** The open file; undefined if it is there already. */
function create(path: string, entry: Entry): number | undefined {
  try {
    const file = openSync(path, "wx");
    try {
      writeSync(file, `${JSON.stringify(entry)}\n`);
      return file;
    } catch (error) {
      closeSync(file);
      rmSync(path, { force: true });
      throw error;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw writeError(path, error);
  }
}

function beat(file: number): void {
  const now = Date.now() / 1000;
  try {
    futimesSync(file, now, now);
  } catch {
    // a file system that keeps no times: whoever watches finds this process by its number, or waits in vain
  }
}

interface Found extends Entry {
  readonly stats: Stats;
}

/** What holds the lock; undefined if nothing does. */
function look(path: string): Found | undefined {
  const stats = statsOf(path);
  if (stats === undefined) return undefined;
  const isLock = stats.isFile() && stats.size <= MOST_BYTES;
  if (!isLock) throw noLock(path);
  try {
    const text = readFileSync(path, "utf8");
    return { ...(isUnfinished(text) ? NOBODY : parse(text, path)), stats };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw cause instanceof FormatError ? noLock(path, cause) : writeError(path, cause);
  }
}

/** A lock that a process has just created, or was creating when the system stopped. */
function isUnfinished(text: string): boolean {
  return /^\0*$/.test(text) || (text.startsWith(ENTRY_START) && !text.endsWith("\n"));
}

function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined; // whoever makes the directory says so
    throw writeError(path, error);
  }
}

const ENTRY_START = '{"host":';

const NOBODY: Entry = { host: "", boot: "", namespace: "", pid: 0, started: "", token: "", owner: "" };

const MARK = { expected: "12 hexadecimal digits", accepts: isMark };
const PID = { expected: "a process number", accepts: Number.isSafeInteger };

function parse(text: string, path: string): Entry {
  const root = JsonReader.parse(text, path);
  return {
    host: root.text("host"),
    boot: root.text("boot"),
    namespace: root.text("namespace"),
    pid: root.value("pid", PID),
    started: root.text("started"),
    token: root.value("token", MARK),
    owner: root.value("owner", MARK),
  };
}

/** @throws {FileError} when the holder is there, or shows itself while it is watched */
async function expectGone(path: string, found: Found, options: LockOptions): Promise<void> {
  const alive = isAlive(found);
  if (alive === false) return;
  if (alive === true) throw heldBy(path, found, options);
  const { looks, every } = options.watch ?? WATCH;
  options.onWatch?.(found, (looks * every) / 1000);
  for (let i = 0; i < looks; i++) {
    const { signal } = options;
    await sleep(every, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
    const now = look(path);
    if (now === undefined) return;
    if (now.token !== found.token || now.stats.mtimeMs !== found.stats.mtimeMs)
      throw heldBy(path, now, options);
  }
}

function heldBy(
  path: string,
  holder: Holder | undefined,
  { setting = path, remedy }: Pick<LockOptions, "setting" | "remedy">,
): FileError {
  const who = holder?.host ? `process ${holder.pid} on ${holder.host}` : "another";
  return new FileError({ setting, expected: "no other run at work in it", found: who, remedy });
}

function noLock(path: string, cause?: unknown): FileError {
  const remedy = "move it away if no run is at work";
  return new FileError({ setting: path, expected: "a run's lock", found: "another file", remedy }, { cause });
}
