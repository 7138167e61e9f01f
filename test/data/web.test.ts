import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { loadDataset } from "../../src/data/load-node.ts";
import { digits, mnist } from "../../src/data/load-web.ts";
import { FILE_NAMES, NAMED_DATASETS, PARTS } from "../../src/data/registry.ts";
import { DataUnavailableError } from "../../src/data/unavailable.ts";
import { DataError } from "../../src/errors.ts";
import { bytesMade } from "../fuzz/defence.ts";
import { directoryWith, errorOf, hasMnist, MNIST_DIRECTORY, serveFiles, smallFiles } from "./support.ts";

const zipped = Object.fromEntries(
  Object.entries(smallFiles()).map(([name, bytes]) => [`${name}.gz`, gzipSync(bytes)]),
);

test("a page's own server gives the same dataset as the files on disk", async () => {
  const baseUrl = await serveFiles(zipped);
  const fromWeb = await mnist({ baseUrl });
  const fromDisk = await loadDataset(await directoryWith(smallFiles()));
  expect(fromWeb).toEqual({ ...fromDisk, name: "mnist" });
  expect((await mnist({ baseUrl: new URL(baseUrl) })).sha256).toBe(fromDisk.sha256);
});

test("a base address needs no slash at its end", async () => {
  const baseUrl = (await serveFiles(zipped)).replace(/\/$/, "");
  expect((await mnist({ baseUrl })).train.count).toBe(5);
});

test("a missing or damaged file is an error that names it", async () => {
  const { "t10k-images-idx3-ubyte.gz": images, ...others } = zipped;
  const missing = await errorOf(mnist({ baseUrl: await serveFiles(others) }));
  expect(missing).toBeInstanceOf(DataUnavailableError);
  expect(missing.message).toMatch(
    /^t10k-images-idx3-ubyte\.gz: expected a working mirror, found \S+ \(the server answered 404\); check the network/,
  );
  const cut = { ...others, "t10k-images-idx3-ubyte.gz": images!.subarray(0, 30) };
  const damaged = await errorOf(mnist({ baseUrl: await serveFiles(cut) }));
  expect(damaged).toBeInstanceOf(DataError);
  expect(damaged.message).toBe(
    "t10k-images-idx3-ubyte.gz: expected a whole gzip file, found a truncated or damaged one; download it again",
  );
});

test("a page decompresses what a header promises, and no more", async () => {
  const name = "t10k-images-idx3-ubyte";
  const long = gzipSync(Buffer.concat([smallFiles()[name]!, Buffer.alloc(50_000_000)]));
  const baseUrl = await serveFiles({ ...zipped, [`${name}.gz`]: long });
  let error: Error | undefined;
  const made = await bytesMade(async () => {
    error = await errorOf(mnist({ baseUrl }));
  });
  expect(error!.message).toBe(
    `${name}.gz: expected 52 bytes (a header of 16, then 3 × 4 × 3), found more; use an undamaged copy`,
  );
  expect(made).toBeLessThan(2 ** 21);
});

test("the digits have the same checksum in a page and in Node", async () => {
  expect((await digits()).sha256).toBe((await loadDataset("digits")).sha256);
});

test.each(Object.entries(NAMED_DATASETS))(
  "%s has two mirrors over https, one that any page may read",
  (_, entry) => {
    expect(entry.mirrors.length).toBeGreaterThanOrEqual(2);
    expect(entry.mirrors.some(({ cors }) => cors)).toBe(true);
    for (const { url } of entry.mirrors) expect(url).toMatch(/^https:\/\/.*\/$/);
    for (const part of PARTS) {
      const { bytes, ...sums } = entry.checksums[part];
      for (const sum of Object.values(sums)) expect(sum).toMatch(/^[0-9a-f]{64}$/);
    }
  },
);

test.runIf(hasMnist).each(PARTS)("MNIST's checksum of %s", async (part) => {
  const contents = gunzipSync(await readFile(join(MNIST_DIRECTORY, FILE_NAMES[part])));
  const found = createHash("sha256").update(contents).digest("hex");
  expect(found).toBe(NAMED_DATASETS.mnist.checksums[part].contents);
  expect(contents.length).toBe(NAMED_DATASETS.mnist.checksums[part].bytes);
});
