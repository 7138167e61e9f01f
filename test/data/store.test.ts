import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { NamedDataset, Part } from "../../src/data/registry.ts";
import { FILE_NAMES, PARTS } from "../../src/data/registry.ts";
import { defaultDataDir, downloadTo, findDataset } from "../../src/data/store-node.ts";
import { DataUnavailableError } from "../../src/data/unavailable.ts";
import { FileError } from "../../src/errors.ts";
import { directoryWith, errorOf, serve, serveFiles, smallFiles } from "./support.ts";

function zippedFiles(): Record<string, Buffer> {
  return Object.fromEntries(
    Object.entries(smallFiles()).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)]),
  );
}

function entryFor(files: Record<string, Buffer>, ...urls: string[]): NamedDataset {
  const gzip = (part: Part): string => createHash("sha256").update(files[FILE_NAMES[part]]!).digest("hex");
  return {
    mirrors: urls.map((url) => ({ url, cors: false })),
    checksums: {
      trainImages: { gzip: gzip("trainImages") },
      trainLabels: { gzip: gzip("trainLabels") },
      testImages: { gzip: gzip("testImages") },
      testLabels: { gzip: gzip("testLabels") },
    },
  };
}

const fileNames = PARTS.map((part) => FILE_NAMES[part]).toSorted();

const root = fileURLToPath(new URL("../..", import.meta.url));

test.runIf(existsSync(join(root, ".git")))("in a checkout, data is kept in data/", () => {
  expect(defaultDataDir()).toBe(join(root, "data"));
});

test("all files are downloaded into a directory that is made, and found there afterwards", async () => {
  const files = zippedFiles();
  const dataDir = join(await directoryWith(), "new");
  const directory = join(dataDir, "mnist");
  const paths = await downloadTo(directory, entryFor(files, await serveFiles(files)));
  expect((await readdir(directory)).toSorted()).toEqual(fileNames);
  expect(await readFile(paths.testImages)).toEqual(files["t10k-images-idx3-ubyte.gz"]);
  expect(await findDataset("mnist", dataDir)).toEqual(paths);
  expect(await findDataset("fashion-mnist", dataDir)).toBeUndefined();
});

test("a damaged copy is dropped, the next mirror tried, and nothing else is left", async () => {
  const files = zippedFiles();
  const bad = await serveFiles({ ...files, "train-images-idx3-ubyte.gz": Buffer.from("oops") });
  const good = await serveFiles(files);
  const directory = await directoryWith();
  const paths = await downloadTo(directory, entryFor(files, bad, good));
  expect(await readFile(paths.trainImages)).toEqual(files["train-images-idx3-ubyte.gz"]);
  expect((await readdir(directory)).toSorted()).toEqual(fileNames);
});

test("when no mirror has the right file, it is not there, whole or in part", async () => {
  const files = zippedFiles();
  const bad = { ...files, "train-images-idx3-ubyte.gz": Buffer.from("oops") };
  const mirrors = [await serveFiles(bad), await serveFiles(bad)];
  const directory = await directoryWith();
  const error = await errorOf(downloadTo(directory, entryFor(files, ...mirrors)));
  expect(error).toBeInstanceOf(DataUnavailableError);
  for (const mirror of mirrors)
    expect(error.message).toContain(`${mirror}train-images-idx3-ubyte.gz (expected SHA-256`);
  const left = await readdir(directory);
  expect(left.every((name) => fileNames.includes(name))).toBe(true);
  expect(left).not.toContain("train-images-idx3-ubyte.gz");
});

test("only what is missing is downloaded", async () => {
  const files = zippedFiles();
  const asked: string[] = [];
  const base = await serve((request, response) => {
    asked.push((request.url ?? "").slice(1));
    response.end(files[asked.at(-1)!]);
  });
  const { "t10k-images-idx3-ubyte.gz": _, ...others } = files;
  const directory = await directoryWith(others);
  await downloadTo(directory, entryFor(files, base));
  expect(asked).toEqual(["t10k-images-idx3-ubyte.gz"]);
});

test("a cancelled download leaves nothing", async () => {
  const files = zippedFiles();
  const base = await serve((_, response) => void response.writeHead(200).write("x"));
  const directory = await directoryWith();
  const signal = AbortSignal.timeout(100);
  const error = await errorOf(downloadTo(directory, entryFor(files, base), { signal }));
  expect(error.name).toBe("TimeoutError");
  expect(await readdir(directory)).toEqual([]);
});

test("a place that cannot be written is said", async () => {
  const files = zippedFiles();
  const parent = await directoryWith({ file: Buffer.from("") });
  const entry = entryFor(files, await serveFiles(files));
  // Below a file there can be no directory, whoever asks; permissions would not stop a superuser.
  const error = await errorOf(downloadTo(join(parent, "file", "mnist"), entry));
  expect(error).toBeInstanceOf(FileError);
  expect(error.message).toMatch(
    /\.gz: expected a writable path, found a file where the path has a directory \(\w+\); correct the path$/,
  );
});

test("a data directory that is itself a directory of IDX files serves any name but another dataset's", async () => {
  const files = smallFiles();
  const directory = await directoryWith(files);
  expect((await findDataset("mnist", directory))?.trainImages).toBe(
    join(directory, "train-images-idx3-ubyte"),
  );
  const parent = await directoryWith(
    Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`mnist/${name}`, bytes])),
  );
  expect(await findDataset("mnist", join(parent, "mnist"))).toBeDefined();
  expect(await findDataset("fashion-mnist", join(parent, "mnist"))).toBeUndefined();
});

test("a directory that is not there holds no dataset", async () => {
  expect(await findDataset("mnist", join(await directoryWith(), "nowhere"))).toBeUndefined();
});
