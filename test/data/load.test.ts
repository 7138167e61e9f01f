import { createHash } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { fashionMnist, loadDataset, mnist } from "../../src/data/load-node.ts";
import { DataError } from "../../src/errors.ts";
import { bytesMade } from "../fuzz/defence.ts";
import { directoryWith, errorOf, hasMnist, idx, MNIST_DIRECTORY, smallFiles } from "./support.ts";

const sha256 = (...parts: Uint8Array[]): Buffer => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

test("a directory of IDX files works like a name", async () => {
  const files = smallFiles();
  const directory = await directoryWith(files);
  const data = await loadDataset(directory);
  expect(directory.endsWith(data.name)).toBe(true);
  expect(data.train).toMatchObject({ count: 5, dim: 12, shape: [4, 3] });
  expect(data.test).toMatchObject({ count: 3, dim: 12, shape: [4, 3] });
  expect([...data.train.labels!]).toEqual([0, 1, 2, 3, 4]);
  const rows = (name: string): Buffer => files[name]!.subarray(16);
  expect(data.sha256).toBe(
    sha256(sha256(rows("train-images-idx3-ubyte")), sha256(rows("t10k-images-idx3-ubyte"))).toString("hex"),
  );
});

test("zipped files, other spellings and missing labels make no difference to the rows", async () => {
  const plain = await loadDataset(await directoryWith(smallFiles()));
  const other = await loadDataset(
    await directoryWith({
      "train-images.idx3-ubyte": idx([5, 4, 3]),
      "test-images-idx3-ubyte.gz": gzipSync(idx([3, 4, 3])),
    }),
  );
  expect(other.sha256).toBe(plain.sha256);
  expect(other.test.values).toEqual(plain.test.values);
  expect(other.train).not.toHaveProperty("labels");
});

test("a name is looked for in the data directory", async () => {
  const files = Object.entries(smallFiles()).map(([name, bytes]) => [`fashion-mnist/${name}`, bytes]);
  const dataDir = await directoryWith(Object.fromEntries(files));
  expect(await fashionMnist({ dataDir })).toMatchObject({ name: "fashion-mnist", train: { count: 5 } });
});

describe("bad input is one line that names the file, what was expected, what was found", () => {
  const images = "train-images-idx3-ubyte";
  const zipped = gzipSync(idx([5, 4, 3]));
  const cases: [string, Record<string, Uint8Array | undefined>, string, RegExp][] = [
    [
      "truncated gzip",
      { [images]: undefined, [`${images}.gz`]: zipped.subarray(0, zipped.length - 12) },
      `${images}.gz`,
      /expected a whole gzip file, found a truncated or damaged one/,
    ],
    [
      "garbage after a gzip header",
      { [images]: undefined, [`${images}.gz`]: Buffer.concat([zipped.subarray(0, 12), Buffer.alloc(50, 7)]) },
      `${images}.gz`,
      /expected a whole gzip file, found a truncated or damaged one/,
    ],
    ["wrong magic", { [images]: Buffer.from("{}      ") }, images, /magic 0x00000803\), found 0x7b7d2020/],
    ["wrong sizes", { [images]: idx([5, 4, 3]).subarray(0, 70) }, images, /expected 76 bytes .*, found 70/],
    ["zero images", { [images]: idx([0, 4, 3]) }, images, /expected at least one image.*, found 0 × 4 × 3/],
    ["labels as images", { [images]: idx([5]) }, images, /found 0x00000801, which is labels/],
    [
      "more behind zipped images",
      { [images]: undefined, [`${images}.gz`]: gzipSync(Buffer.concat([idx([5, 4, 3]), Buffer.alloc(1)])) },
      `${images}.gz`,
      /expected 76 bytes .*, found more; use an undamaged copy$/,
    ],
    [
      "too few labels",
      { "train-labels-idx1-ubyte": idx([4]) },
      "train-labels",
      /expected 5 labels, as \S+ has images, found 4; use files of one dataset$/,
    ],
    [
      "too many labels",
      { "t10k-labels-idx1-ubyte": idx([9]) },
      "t10k-labels",
      /expected 3 labels, as \S+ has images, found 9; use files of one dataset$/,
    ],
    [
      "splits of other sizes",
      { "t10k-images-idx3-ubyte": idx([3, 3, 4]) },
      "t10k-images",
      /expected images of 4 × 3, as in \S+, found 3 × 4; use files of one dataset$/,
    ],
    [
      "no test split",
      { "t10k-images-idx3-ubyte": undefined },
      "",
      /expected t10k-images-idx3-ubyte.*, found only .*train-images-idx3-ubyte.*; add that file$/,
    ],
    [
      "no training split",
      { [images]: undefined },
      "",
      /expected train-images-idx3-ubyte.*, found only .*; add that file$/,
    ],
  ];
  test.each(cases)("%s", async (_, changes, file, message) => {
    const files = Object.entries({ ...smallFiles(), ...changes });
    const kept = files.filter((entry): entry is [string, Uint8Array] => entry[1] !== undefined);
    const directory = await directoryWith(Object.fromEntries(kept));
    const error = await errorOf(loadDataset(directory));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message.startsWith(file === "" ? `${directory}:` : join(directory, file))).toBe(true);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain("\n");
  });

  test("a directory without IDX files", async () => {
    const directory = await directoryWith({ "notes.txt": Buffer.from("") });
    expect(await errorOf(loadDataset(directory))).toEqual(
      new DataError({
        setting: directory,
        expected: "IDX files (train-images-idx3-ubyte, t10k-images-idx3-ubyte, with or without .gz)",
        found: "none",
        remedy: "rename the files or choose another directory",
      }),
    );
  });

  test("a directory in a file's place", async () => {
    const files = smallFiles();
    delete files[images];
    const directory = await directoryWith({ ...files, [`${images}/x`]: Buffer.from("") });
    const error = await errorOf(loadDataset(directory));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(
      `${join(directory, images)}: expected a readable file, found a directory (EISDIR); give the name of a file`,
    );
    expect(error.cause).toMatchObject({ code: "EISDIR" });
  });

  test("neither a name nor a directory", async () => {
    expect((await errorOf(loadDataset("minst"))).message).toBe(
      "minst: expected mnist, fashion-mnist, digits or a directory of IDX files, found no such directory; check the name or path",
    );
    const file = join(await directoryWith(smallFiles()), images);
    expect((await errorOf(loadDataset(file))).message).toBe(
      `${file}: expected mnist, fashion-mnist, digits or a directory of IDX files, found a file; give its directory`,
    );
  });
});

test("labels that do not fit are refused before their contents are read", async () => {
  const files = smallFiles();
  // 500 MB of labels: valid, but of another number of images.
  const header = idx([5]).subarray(0, 8);
  header.writeUInt32BE(500_000_000, 4);
  const zeros = gzipSync(Buffer.alloc(2 ** 20), { level: 9 });
  const labels = Buffer.concat([gzipSync(header), ...Array(500).fill(zeros)]);
  const name = "train-labels-idx1-ubyte";
  const directory = await directoryWith({ ...files, [name]: labels });
  let error: Error | undefined;
  const made = await bytesMade(async () => {
    error = await errorOf(loadDataset(directory));
  });
  expect(error!.message).toMatch(
    /expected 5 labels, as \S+ has images, found 500000000; use files of one dataset$/,
  );
  expect(made).toBeLessThan(2 ** 20);
});

test("a signal that is aborted ends it with its reason", async () => {
  const reason = new Error("enough");
  const directory = await directoryWith(smallFiles());
  expect(await errorOf(loadDataset(directory, { signal: AbortSignal.abort(reason) }))).toBe(reason);
});

test.runIf(hasMnist)("real MNIST", async () => {
  const data = await mnist({ dataDir: MNIST_DIRECTORY });
  expect(data.name).toBe("mnist");
  expect(data.train).toMatchObject({ count: 60_000, dim: 784, shape: [28, 28] });
  expect(data.test).toMatchObject({ count: 10_000, dim: 784, shape: [28, 28] });
  expect([...data.train.labels!.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
  // One copy: the rows are a view of a buffer hardly larger than the file.
  expect(data.train.values.buffer.byteLength).toBeLessThan(47_040_016 + 1024);
  // As data/README.md gives it.
  expect(data.sha256).toBe("da65bf719faeafdbe1a6422964c55670b1391fb91888f0ca012e1c26d5832b3d");
});
