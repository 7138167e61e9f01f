import * as disk from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FileError } from "../../src/errors.ts";
import { writeWholeDirectory } from "../../src/files/directory-node.ts";

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  return { ...real, rm: vi.fn(real.rm) };
});

const { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } = disk;
let home = "";
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "elbow-directory-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const FILES = new Map<string, Uint8Array | string>([
  ["a", Uint8Array.of(1, 2)],
  ["b", Uint8Array.of(3)],
]);
const contents = async (path: string): Promise<[string, number[]][]> =>
  Promise.all(
    (await readdir(path))
      .sort()
      .map(async (name): Promise<[string, number[]]> => [name, [...(await readFile(join(path, name)))]]),
  );
const WHOLE = [
  ["a", [1, 2]],
  ["b", [3]],
];

test("a directory is made with those above it, and nothing is left beside it", async () => {
  const path = join(home, "deep", "er");
  await writeWholeDirectory(path, FILES);
  expect(await contents(path)).toEqual(WHOLE);
  expect(await readdir(join(home, "deep"))).toEqual(["er"]);
});

test("one that is there is kept unless it is to be replaced, even where it is empty", async () => {
  const path = join(home, "out");
  await mkdir(path);
  await expect(writeWholeDirectory(path, FILES)).rejects.toThrow(
    new FileError({
      setting: path,
      expected: "a new directory",
      found: "an existing one",
      remedy: "choose another, or replace it with --overwrite",
    }),
  );
  expect(await readdir(path)).toEqual([]);
  await writeWholeDirectory(path, FILES, { overwrite: true });
  expect(await contents(path)).toEqual(WHOLE);
  await writeWholeDirectory(path, new Map([...FILES, ["b", "x"]]), { overwrite: true });
  expect(await contents(path)).toEqual([WHOLE[0], ["b", [0x78]]]);
  expect(await readdir(home)).toEqual(["out"]);
});

test("where the old one cannot be deleted, the new one is in place and the old one is told of", async () => {
  const path = join(home, "out");
  await mkdir(path);
  await writeFile(join(path, "a"), "old");
  vi.mocked(rm).mockRejectedValueOnce(Object.assign(new Error("EACCES"), { code: "EACCES" }));
  const left = await writeWholeDirectory(path, FILES, { overwrite: true });
  expect(await contents(path)).toEqual(WHOLE);
  expect(dirname(left!)).toBe(home);
  expect(await readFile(join(left!, "a"), "utf8")).toBe("old");
  expect(await writeWholeDirectory(path, FILES, { overwrite: true })).toBeUndefined();
});

test("what else it holds is not lost", async () => {
  const path = join(home, "out");
  await mkdir(path);
  await writeFile(join(path, "thesis"), "mine");
  const write = writeWholeDirectory(path, FILES, { overwrite: true });
  await expect(write).rejects.toThrow(
    new FileError({
      setting: path,
      expected: "only a, b to replace",
      found: "thesis, which would be lost",
      remedy: "choose another directory",
    }),
  );
  expect(await readdir(path)).toEqual(["thesis"]);
  expect(await readdir(home)).toEqual(["out"]);
});

test("a file, or a link, is no directory to replace", async () => {
  await writeFile(join(home, "file"), "mine");
  await mkdir(join(home, "other"));
  await symlink(join(home, "other"), join(home, "link"));
  for (const name of ["file", "link"]) {
    const write = writeWholeDirectory(join(home, name), FILES, { overwrite: true });
    await expect(write).rejects.toThrow(
      new FileError({
        setting: join(home, name),
        expected: "a directory",
        found: "a file or a link",
        remedy: "choose another directory",
      }),
    );
  }
  await expect(writeWholeDirectory(join(home, "file", "in"), FILES)).rejects.toThrow(FileError);
  expect((await readdir(home)).sort()).toEqual(["file", "link", "other"]);
});

test("where a file cannot be written there is no directory", async () => {
  const path = join(home, "out");
  const files = new Map([...FILES, ["no/such", "x"]]);
  await expect(writeWholeDirectory(path, files)).rejects.toThrow(FileError);
  expect(await readdir(home)).toEqual([]);
});
