/**
 * Loaded before a program (`node --import`), it sees every call that changes a file system below ELBOW_WATCHED. With
 * ELBOW_KILL_AT=N the process kills itself at the Nth, a write half done; with ELBOW_LOG=FILE it writes down all of them.
 */
import fs from "node:fs";
import promises, { type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { resolve, sep } from "node:path";
import process from "node:process";
import type { Change } from "./changes.ts";

const watched = resolve(process.env.ELBOW_WATCHED ?? "");
const killAt = Number(process.env.ELBOW_KILL_AT ?? Number.NaN);
const log = process.env.ELBOW_LOG;
const { appendFileSync } = fs;
let seen = 0;

/** @param half what to do of the change before the process ends */
function note(change: Change, half: () => void = () => {}): void {
  if (!`${resolve(change.path)}${sep}`.startsWith(watched + sep)) return;
  seen += 1;
  if (log !== undefined) appendFileSync(log, `${JSON.stringify(change)}\n`);
  if (seen !== killAt) return;
  half();
  process.kill(process.pid, "SIGKILL");
  // the signal comes at once or never: nothing may run after it
  for (;;);
}

const encode = (data: string | Uint8Array): string => Buffer.from(data).toString("base64");
const asText = (path: unknown): string => String(path);

/** Puts a call that is seen in the place of another. */
function watch<O extends object, K extends keyof O>(
  owner: O,
  name: K,
  change: (...args: never[]) => Change,
): void {
  const original = owner[name] as (...args: unknown[]) => unknown;
  owner[name] = function (this: unknown, ...args: unknown[]) {
    note((change as (...args: unknown[]) => Change)(...args));
    return original.apply(this, args);
  } as O[K];
}

for (const owner of [promises, fs.promises]) {
  const { open } = owner;
  watch(owner, "mkdir", (path) => ({ kind: "mkdir", path: asText(path) }));
  watch(owner, "rmdir", (path) => ({ kind: "remove", path: asText(path) }));
  watch(owner, "rm", (path) => ({ kind: "remove", path: asText(path) }));
  watch(owner, "rename", (path, to) => ({ kind: "rename", path: asText(path), to: asText(to) }));
  watch(owner, "link", (path, to) => ({ kind: "link", path: asText(path), to: asText(to) }));
  owner.open = async (path, flags, mode) => {
    if (flags === "wx") note({ kind: "create", path: asText(path) });
    return watchHandle(await open(path, flags, mode), asText(path));
  };
}

function watchHandle(handle: FileHandle, path: string): FileHandle {
  const { writeFile, sync } = handle;
  handle.writeFile = (data, ...rest) => {
    const bytes = Buffer.from(data as Uint8Array);
    const half = (): void => void fs.writeSync(handle.fd, bytes, 0, bytes.length >> 1);
    note({ kind: "write", path, data: encode(bytes) }, half);
    return writeFile.call(handle, data, ...rest);
  };
  handle.sync = () => {
    note({ kind: "sync", path });
    return sync.call(handle);
  };
  return handle;
}

// the lock
const { openSync } = fs;
const locks = new Map<number, string>();
fs.openSync = (path, flags, mode) => {
  if (flags === "wx") note({ kind: "create", path: asText(path) });
  const file = openSync(path, flags, mode);
  locks.set(file, asText(path));
  return file;
};
watch(fs, "writeSync", (file, data) => ({
  kind: "write",
  path: locks.get(file) ?? "",
  data: encode(asText(data)),
}));
watch(fs, "rmSync", (path) => ({ kind: "remove", path: asText(path) }));
syncBuiltinESMExports();
