import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MOST_HEAD_BYTES } from "../../src/codecs/safetensors.ts";
import { FileError } from "../../src/errors.ts";
import { HEAD_BYTES, readHead, readWhole } from "../../src/files/read-node.ts";
import { refusalOf } from "../support/refusal.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "elbow-files-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** The one line with which a file was refused. */
async function refusal(attempt: Promise<unknown>): Promise<string> {
  const error = await refusalOf(attempt);
  expect(error.message).toMatch(/^[^\n]+: expected [^\n]+, found [^\n]+; [^\n]+[^.\n]$/);
  return error.message;
}

describe("readWhole", () => {
  test("gives a plain Uint8Array", async () => {
    await writeFile(join(dir, "a"), "abc");
    const bytes = await readWhole(join(dir, "a"));
    expect(Buffer.isBuffer(bytes)).toBe(false);
    expect([...bytes]).toEqual([97, 98, 99]);
  });

  test("says what is wrong with the path", async () => {
    const missing = join(dir, "model.safetensors");
    expect(await refusal(readWhole(missing))).toBe(
      `${missing}: expected a readable file, found no such file (ENOENT); check the path`,
    );
    expect(await refusal(readWhole(dir))).toContain("found a directory (EISDIR)");
    await writeFile(join(dir, "file"), "");
    expect(await refusal(readWhole(join(dir, "file", "a")))).toContain(
      "found a file where the path has a directory (ENOTDIR)",
    );
    await symlink("loop", join(dir, "loop"));
    expect(await refusal(readWhole(join(dir, "loop")))).toContain("found symbolic links in a circle (ELOOP)");
    expect(await refusal(readWhole("a\0b"))).toContain("found null bytes in it (ERR_INVALID_ARG_VALUE)");
  });

  test("does not read what is too large", async () => {
    const path = join(dir, "sparse");
    await writeFile(path, "");
    await truncate(path, 2 ** 42);
    expect(await refusal(readWhole(path))).toBe(
      `${path}: expected at most 8724152320 bytes, found 4398046511104; check the path`,
    );
    await truncate(path, 101);
    expect(await refusal(readWhole(path, { most: 100 }))).toContain("expected at most 100 bytes, found 101");
    expect(await readWhole(path, { most: 101 })).toHaveLength(101);
  });

  test.each([1, 99_999, 100_000, 2 ** 17])("reads chunks of %i bytes as one file", async (atOnce) => {
    const size = atOnce === 1 ? 300 : 100_000;
    const bytes = Uint8Array.from({ length: size }, (_, i) => i % 251);
    await writeFile(join(dir, "a"), bytes);
    const found = await readWhole(join(dir, "a"), { atOnce });
    expect(Buffer.isBuffer(found)).toBe(false);
    expect(Buffer.compare(found, bytes)).toBe(0);
  });

  test("says so where there is no memory for it", async () => {
    const path = join(dir, "sparse");
    await writeFile(path, "");
    await truncate(path, 2 ** 31);
    // The array is the one thing that cannot be had.
    vi.stubGlobal(
      "Uint8Array",
      new Proxy(Uint8Array, {
        construct(target, args) {
          if (args[0] === 2 ** 31) throw new RangeError("Array buffer allocation failed");
          return Reflect.construct(target, args) as object;
        },
      }),
    );
    try {
      expect(await refusal(readWhole(path))).toBe(
        `${path}: expected a readable file, found too little memory for it (ENOMEM); ` +
          "close other programs or use a machine with more",
      );
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe("the first bytes", () => {
  const path = () => join(dir, "a");
  const bytes = Uint8Array.from({ length: HEAD_BYTES + 1000 }, (_, i) => i % 251);

  test("have room for every header", () => {
    expect(HEAD_BYTES).toBeGreaterThanOrEqual(MOST_HEAD_BYTES);
  });

  test("come alone, with the size", async () => {
    await writeFile(path(), bytes);
    const head = await readHead(path());
    expect(head.size).toBe(bytes.length);
    expect(Buffer.compare(head.bytes, bytes.subarray(0, HEAD_BYTES))).toBe(0);
    await writeFile(path(), "abc");
    expect(await readHead(path())).toEqual({ bytes: Uint8Array.of(97, 98, 99), size: 3 });
  });

  test("are shown before the rest is read, and may end it", async () => {
    await writeFile(path(), bytes);
    const seen: number[] = [];
    const inspect = (head: { readonly bytes: Uint8Array; readonly size: number }): number => {
      seen.push(head.bytes.length, head.size);
      return head.size;
    };
    expect(Buffer.compare(await readWhole(path(), { inspect }), bytes)).toBe(0);
    expect(seen).toEqual([HEAD_BYTES, bytes.length]);
    const fault = new FileError({ setting: "a", expected: "b", found: "c" });
    const refuse = (): never => {
      throw fault;
    };
    // A file of 4 GiB, of which nothing is read or allocated.
    await truncate(path(), 2 ** 32);
    await expect(readWhole(path(), { inspect: refuse })).rejects.toBe(fault);
  });

  test("a signal ends reading, with its reason", async () => {
    await writeFile(path(), bytes);
    const reason = new Error("enough");
    await expect(readWhole(path(), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe.runIf(process.platform !== "win32")("what is no regular file", () => {
  test("a pipe with a name is refused at once, whoever writes to it", async () => {
    const pipe = join(dir, "pipe");
    execFileSync("mkfifo", [pipe]);
    await symlink(pipe, join(dir, "link"));
    const message = "expected a regular file, found a pipe; copy its contents to a file first";
    for (const path of [pipe, join(dir, "link")]) {
      expect(await refusal(readWhole(path))).toBe(`${path}: ${message}`);
      expect(await refusal(readWhole(path, { inspect: ({ size }) => size }))).toBe(`${path}: ${message}`);
    }
    const writer = spawn("sh", ["-c", 'echo something > "$0"', pipe]);
    expect(await refusal(readHead(pipe))).toBe(`${pipe}: ${message}`);
    writer.kill("SIGKILL");
  });

  test.runIf(existsSync("/dev/zero"))("a device", async () => {
    expect(await refusal(readWhole("/dev/zero"))).toContain("expected a regular file, found a device");
    expect(await refusal(readWhole("/dev/null"))).toContain("expected a regular file, found a device");
  });

  test("a socket", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(dir, "socket"), resolve));
    expect(await refusal(readWhole(join(dir, "socket")))).toMatch(/found a socket/);
    server.close();
  });
});

/** Reads /dev/stdin in a process of its own, as far as `promised` bytes, and prints how many came. */
const READER = `
  const { readWhole } = await import(process.env.MODULE);
  const promised = Number(process.env.PROMISED);
  await readWhole("/dev/stdin", { inspect: ({ bytes, size }) => { console.log("head", bytes.length, size); return promised; } }).then(
    (bytes) => console.log("read", bytes.length),
    (error) => console.log(error.name + ": " + error.message),
  );`;

describe.runIf(process.platform === "linux" && process.features.typescript)("a pipe without a name", () => {
  const module = pathToFileURL(join(import.meta.dirname, "../../src/files/read-node.ts")).href;
  const read = (script: string, promised: number): string =>
    execFileSync("sh", ["-c", `${script} | "$0" --input-type=module -e "$1"`, process.execPath, READER], {
      env: { ...process.env, MODULE: module, PROMISED: String(promised), NODE_OPTIONS: "" },
      encoding: "utf8",
    });

  test("is read to its end, however slow", () => {
    expect(read("(printf abc; sleep 0.1; printf d)", 4)).toBe("head 4 Infinity\nread 4\n");
    expect(read("head -c 3000000 /dev/zero", 3_000_000)).toBe("head 524288 Infinity\nread 3000000\n");
  });

  test("is read no further than its first bytes promise, and a byte", () => {
    expect(read("cat /dev/zero", 2_000_000)).toBe("head 524288 Infinity\nread 2000001\n");
  });
});
