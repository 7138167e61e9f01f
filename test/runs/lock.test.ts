import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { newMark } from "../../src/files/mark.ts";
import { type Holder, isAlive, thisProcess } from "../../src/runs/holder-node.ts";
import { Lock, type LockOptions } from "../../src/runs/lock-node.ts";

let home: string;
let path: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "elbow-lock-"));
  path = join(home, "run.lock");
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** Ten looks, so that a test that waits in vain takes a fifth of a second. */
const options = (more: Partial<LockOptions> = {}): LockOptions => {
  return { owner: newMark(), watch: { looks: 10, every: 20 }, ...more };
};

/** Writes the lock of some process. */
async function leave(fields: Partial<Holder> & { readonly owner?: string }, at = path): Promise<string> {
  const entry = { ...thisProcess(), token: newMark(), owner: newMark(), ...fields };
  await writeFile(at, `${JSON.stringify(entry)}\n`);
  return entry.owner;
}

/** Another system, on which this process cannot see who is alive. */
const ELSEWHERE = { host: "other", boot: "another boot", namespace: "" };
const HELD = /^\S+run\.lock: expected no other run at work in it, found process \d+ on /;

describe.runIf(process.platform === "linux")("a process of this machine", () => {
  test("is alive, and not when its number is another's by now", () => {
    const here = thisProcess();
    expect(isAlive(here)).toBe(true);
    expect(isAlive({ ...here, started: `${Number(here.started) - 1}` })).toBe(false);
  });

  test("is dead once it has ended", () => {
    const { pid } = spawnSync(process.execPath, ["--version"]);
    expect(isAlive({ ...thisProcess(), pid, started: "1" })).toBe(false);
  });

  test.each([{ boot: "another" }, { boot: "" }, { namespace: "pid:[1]" }])(
    "cannot be judged from %o",
    (other) => {
      expect(isAlive({ ...thisProcess(), ...other })).toBeUndefined();
    },
  );
});

describe("a lock", () => {
  test("is one holder's, of many who want it at once, and free when it is released", async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => Lock.take(path, options())));
    const taken = outcomes.filter((outcome) => outcome.status === "fulfilled");
    expect(taken).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === "rejected") expect(outcome.reason.message).toMatch(HELD);
    taken[0]!.value.release();
    const next = await Lock.take(path, options());
    expect(next.left).toBeUndefined();
    next.release();
    await expect(readFile(path)).rejects.toThrow("ENOENT");
  });

  test("of a dead process is one taker's at once, of many; it learns whose drafts are left", async () => {
    const owner = await leave({ started: "1" });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => Lock.take(path, options())));
    const taken = outcomes.filter((outcome) => outcome.status === "fulfilled");
    expect(taken).toHaveLength(1);
    expect(taken[0]!.value.left).toBe(owner);
    taken[0]!.value.expectHeld();
    taken[0]!.value.release();
  });

  test("of a process elsewhere is free when its heartbeat stands still while another watches", async () => {
    const owner = await leave(ELSEWHERE);
    const seen: unknown[] = [];
    const onWatch = (holder: Holder, seconds: number) => void seen.push(holder.host, seconds);
    const lock = await Lock.take(path, options({ onWatch }));
    expect(lock.left).toBe(owner);
    expect(seen).toEqual(["other", 0.2]);
    lock.release();
  });

  test("of a process elsewhere is its own while its heart beats, whatever its clock says", async () => {
    await leave(ELSEWHERE);
    let time = 1000; // in 1970
    const beating = setInterval(() => void utimes(path, time, time++), 50);
    try {
      await expect(Lock.take(path, options())).rejects.toThrow(HELD);
    } finally {
      clearInterval(beating);
    }
  });

  test("that was created and not yet filled is somebody's", async () => {
    await writeFile(path, "");
    const filled = `${path}.filled`;
    await leave({}, filled);
    setTimeout(() => void rename(filled, path), 60); // whole at once: it is looked at meanwhile
    await expect(Lock.take(path, options())).rejects.toThrow(HELD);
  });

  test.each(["", "\0\0\0", '{"host":"he'])(
    "that was left unfinished when the system stopped is not for ever: %j",
    async (text) => {
      await writeFile(path, text);
      const lock = await Lock.take(path, options());
      lock.expectHeld();
      lock.release();
    },
  );

  test("watching ends with the signal", async () => {
    await leave(ELSEWHERE);
    const signal = AbortSignal.timeout(30);
    await expect(Lock.take(path, options({ signal, watch: { looks: 1000, every: 1000 } }))).rejects.toBe(
      await new Promise((resolve) => signal.addEventListener("abort", () => resolve(signal.reason))),
    );
  });

  test("is lost when another has taken it over, and the other's stays", async () => {
    const lock = await Lock.take(path, options());
    lock.expectHeld();
    await rm(path);
    expect(() => lock.expectHeld()).toThrow(
      /expected no other run at work in it, found another; this process has lost it/,
    );
    await leave({ pid: 77, host: "there" });
    const before = await readFile(path, "utf8");
    expect(() => lock.expectHeld()).toThrow(/found process 77 on there; this process has lost it/);
    lock.release();
    expect(await readFile(path, "utf8")).toBe(before);
  });

  test.each(["my notes", "{}", "[1]", `{"pid":1}`, "x".repeat(10_000)])(
    "is not made of another file: %.20s",
    async (text) => {
      await writeFile(path, text);
      await expect(Lock.take(path, options())).rejects.toThrow(/expected a run's lock, found another file/);
      expect(await readFile(path, "utf8")).toBe(text);
    },
  );

  test("is not taken through a link", async () => {
    const elsewhere = join(home, "elsewhere");
    await symlink(elsewhere, path);
    await expect(Lock.take(path, options())).rejects.toThrow(/expected a run's lock, found another file/);
    await expect(readFile(elsewhere)).rejects.toThrow("ENOENT");
  });
});
