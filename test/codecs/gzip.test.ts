import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { gunzip, isGzip, unzippedSizeHint } from "../../src/codecs/gzip.ts";
import { DataError } from "../../src/errors.ts";

const contents = new Uint8Array(1_000_000).map((_, i) => (i * i) >> 7);
const zipped = new Uint8Array(gzipSync(contents));

test("what was zipped comes back, in a buffer of its own size", async () => {
  const bytes = await gunzip("f.gz", zipped);
  expect(Buffer.compare(bytes, contents)).toBe(0);
  expect(bytes.buffer.byteLength).toBe(contents.length);
});

test("what is not gzip passes through untouched", async () => {
  expect(await gunzip("f", contents)).toBe(contents);
  expect(isGzip(new Uint8Array([0x1f]))).toBe(false);
});

test("a last word that lies costs no more than its file could need", async () => {
  const lying = zipped.slice();
  lying.fill(0xff, -4);
  expect(unzippedSizeHint(lying)).toBeLessThanOrEqual(64 * lying.length);
  await expect(gunzip("f.gz", lying)).rejects.toThrow(DataError);
});

test.each([
  ["cut in its middle", zipped.slice(0, zipped.length >> 1)],
  ["cut before its checksum", zipped.slice(0, -8)],
  ["cut after its first bytes", zipped.slice(0, 3)],
  ["damaged", zipped.map((byte, i) => (i > 100 && i < 200 ? 0xff : byte))],
  ["a header with nothing behind", Uint8Array.of(0x1f, 0x8b)],
])("%s is refused", async (_, bytes) => {
  const error = await gunzip("dir/f.gz", bytes).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DataError);
  expect(String(error)).toBe(
    "DataError: dir/f.gz: expected a whole gzip file, found a truncated or damaged one; download it again",
  );
});
