import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { expectWritable, writeDraft, writeError, writeWhole } from "../../src/files/file-node.ts";
import { refusalOf } from "../support/refusal.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "elbow-files-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** The one line with which the disk said no. */
async function refusal(attempt: Promise<unknown>): Promise<string> {
  const error = await refusalOf(attempt);
  expect(error.message).toMatch(/^[^\n]+: expected a writable path, found [^\n]+; [^\n]+[^.\n]$/);
  expect(error.cause).toBeInstanceOf(Error);
  return error.message;
}

describe("writeWhole", () => {
  test("writes bytes and texts, anew and over what was there", async () => {
    const path = join(dir, "model.safetensors");
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => i);
    await writeWhole(path, bytes);
    expect(new Uint8Array(await readFile(path))).toEqual(bytes);
    await writeWhole(path, "νέο\n");
    expect(await readFile(path, "utf8")).toBe("νέο\n");
    await writeWhole(path, "");
    expect((await stat(path)).size).toBe(0);
    expect(await readdir(dir)).toEqual(["model.safetensors"]);
  });

  test("writes exactly the view that it is given", async () => {
    const path = join(dir, "a");
    await writeWhole(path, Uint8Array.of(1, 2, 3, 4, 5).subarray(1, 4));
    expect([...(await readFile(path))]).toEqual([2, 3, 4]);
  });

  test("leaves one of many texts that are written at once, whole", async () => {
    const path = join(dir, "a");
    const texts = Array.from({ length: 20 }, (_, i) => `${i}`.repeat(1000 * (20 - i)));
    await Promise.all(texts.map((text) => writeWhole(path, text)));
    expect(texts).toContain(await readFile(path, "utf8"));
    expect(await readdir(dir)).toEqual(["a"]);
  });

  test("makes parent directories only when asked", async () => {
    const path = join(dir, "runs", "one", "config.json");
    expect(await refusal(writeWhole(path, "{}"))).toBe(
      `${path}: expected a writable path, found no such directory (ENOENT); make the directory first`,
    );
    expect(await readdir(dir)).toEqual([]);
    await writeWhole(path, "{}", { parents: true });
    expect(await readFile(path, "utf8")).toBe("{}");
  });

  test("keeps a file's mode and writes through a link to it", async () => {
    const path = join(dir, "a");
    await writeFile(path, "old");
    await chmod(path, 0o640);
    await symlink(path, join(dir, "link"));
    await writeWhole(join(dir, "link"), "new");
    expect(await readFile(path, "utf8")).toBe("new");
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect((await readdir(dir)).sort()).toEqual(["a", "link"]);
  });

  test("refuses a directory, and a path through a file, and leaves nothing behind", async () => {
    await mkdir(join(dir, "sub"));
    await writeFile(join(dir, "file"), "old");
    expect(await refusal(writeWhole(join(dir, "sub"), "x"))).toContain(
      "found a directory (EISDIR); give the name of a file",
    );
    for (const parents of [false, true]) {
      expect(await refusal(writeWhole(join(dir, "file", "model"), "x", { parents }))).toMatch(
        /found a file where the path has a directory \((ENOTDIR|EEXIST)\); correct the path$/,
      );
      expect(await refusal(writeWhole(join(dir, "file", "sub", "model"), "x", { parents }))).toMatch(
        /found a file where the path has a directory \((ENOTDIR|EEXIST)\); correct the path$/,
      );
    }
    expect(await refusal(writeWhole(join(dir, "x".repeat(300)), "x"))).toContain(
      "found a longer name than the file system allows (ENAMETOOLONG)",
    );
    expect(await readFile(join(dir, "file"), "utf8")).toBe("old");
    expect((await readdir(dir)).sort()).toEqual(["file", "sub"]);
  });

  test.runIf(process.getuid?.() !== 0 && process.platform !== "win32")(
    "says so where it may not write",
    async () => {
      await chmod(dir, 0o555);
      expect(await refusal(writeWhole(join(dir, "a"), "x"))).toContain("no permission to write (EACCES)");
      await chmod(dir, 0o755);
    },
  );

  test.runIf(existsSync("/dev/full"))("writes to devices and never replaces them", async () => {
    expect(await refusal(writeWhole("/dev/full", "x"))).toBe(
      "/dev/full: expected a writable path, found a full disk (ENOSPC); free some space or choose another place",
    );
    await writeWhole("/dev/null", "x");
    expect((await stat("/dev/null")).isCharacterDevice()).toBe(true);
  });

  // A limit on the size of files does what a full disk does: the first write(2) takes what still fits and is no error.
  test.runIf(process.platform === "linux" && process.features.typescript)(
    "a disk that fills up on the way leaves the old file whole",
    async () => {
      const path = join(dir, "model.safetensors");
      await writeFile(path, "old");
      const module = pathToFileURL(join(import.meta.dirname, "../../src/files/file-node.ts")).href;
      const script = `
        process.on("SIGXFSZ", () => {});
        const { writeWhole } = await import(${JSON.stringify(module)});
        await writeWhole(process.env.TARGET, new Uint8Array(1_000_000)).then(
          () => console.log("written"),
          (error) => console.log(error.name + ": " + error.message),
        );`;
      const said = execFileSync(
        "sh",
        ["-c", 'ulimit -f 8 && exec "$0" --input-type=module -e "$1"', process.execPath, script],
        {
          // without the cache of compiled code, whose files would meet the limit as well
          env: { ...process.env, TARGET: path, NODE_OPTIONS: "", NODE_COMPILE_CACHE: "" },
          encoding: "utf8",
        },
      );
      expect(said).toBe(
        `FileError: ${path}: expected a writable path, found a limit on the size of files (EFBIG); ` +
          "raise the limit (ulimit -f) or choose another place\n",
      );
      expect(await readFile(path, "utf8")).toBe("old");
      expect(await readdir(dir)).toEqual(["model.safetensors"]);
    },
  );
});

test("what is in no table is quoted, on one line", () => {
  const cause = Object.assign(new Error("EWEIRD: odd\nthing"), { code: "EWEIRD" });
  const error = writeError("a", cause);
  expect(error.message).toBe(String.raw`a: expected a writable path, found "EWEIRD: odd\nthing"`);
  expect(error.cause).toBe(cause);
});

describe("an exclusive write", () => {
  const FREE = /^\S+\/a: expected no file, found one; choose another place or remove it$/;

  test("replaces no file that is there", async () => {
    await writeFile(join(dir, "a"), "mine");
    await expect(writeWhole(join(dir, "a"), "x", { exclusive: true })).rejects.toThrow(FREE);
    expect(await readFile(join(dir, "a"), "utf8")).toBe("mine");
    expect(await readdir(dir)).toEqual(["a"]);
  });

  test("replaces no file that appears meanwhile", async () => {
    const draft = await writeDraft(join(dir, "a"), "x", { exclusive: true });
    await writeFile(join(dir, "a"), "mine");
    await expect(draft.publish()).rejects.toThrow(FREE);
    expect(await readFile(join(dir, "a"), "utf8")).toBe("mine");
    expect(await readdir(dir)).toEqual(["a"]);
  });

  test("is one's of many, whole", async () => {
    const texts = Array.from({ length: 20 }, (_, i) => `${i}`.repeat(1000));
    const all = await Promise.allSettled(
      texts.map((text) => writeWhole(join(dir, "a"), text, { exclusive: true })),
    );
    const done = texts.filter((_, i) => all[i]!.status === "fulfilled");
    expect(done).toEqual([await readFile(join(dir, "a"), "utf8")]);
    expect(await readdir(dir)).toEqual(["a"]);
  });

  test.runIf(existsSync("/dev/null"))("to a device is a write", () =>
    writeWhole("/dev/null", "x", { exclusive: true }),
  );
});

describe("expectWritable", () => {
  test("says what writeWhole would, and touches nothing", async () => {
    await writeFile(join(dir, "file"), "old");
    const bad = [dir, join(dir, "none", "a"), join(dir, "file", "a"), join(dir, "x".repeat(300))];
    for (const path of bad) {
      expect(await refusal(expectWritable(path))).toBe(await refusal(writeWhole(path, "x")));
    }
    for (const name of ["file", "new"]) await expectWritable(join(dir, name));
    expect(await readdir(dir)).toEqual(["file"]);
    expect(await readFile(join(dir, "file"), "utf8")).toBe("old");
  });

  test.runIf(existsSync("/dev/null"))("lets devices pass", () => expectWritable("/dev/null"));

  test.runIf(process.getuid?.() !== 0 && process.platform !== "win32")(
    "asks the directory, which gets another file in its place",
    async () => {
      await writeFile(join(dir, "a"), "old");
      await chmod(dir, 0o555);
      expect(await refusal(expectWritable(join(dir, "a")))).toContain("no permission to write (EACCES)");
      await chmod(dir, 0o755);
    },
  );
});
