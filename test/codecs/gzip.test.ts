import { deflateRawSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { gunzip, isGzip, mostUnzipped, mostZipped } from "../../src/codecs/gzip.ts";
import { DataError } from "../../src/errors.ts";

const contents = new Uint8Array(1_000_000).map((_, i) => (i * i) >> 7);
const zipped = new Uint8Array(gzipSync(contents));

test("what was zipped comes back, in a buffer of its own size", async () => {
  const bytes = await gunzip("f.gz", zipped, contents.length);
  expect(Buffer.compare(bytes, contents)).toBe(0);
  expect(bytes.buffer.byteLength).toBe(contents.length);
});

test("what is not gzip passes through untouched", async () => {
  expect(await gunzip("f", contents, 5)).toBe(contents);
  expect(isGzip(new Uint8Array([0x1f]))).toBe(false);
});

test("it stops after as many bytes as are wanted, whatever follows", async () => {
  const cut = zipped.slice(0, -1000);
  expect(Buffer.compare(await gunzip("f.gz", cut, 500_000), contents.subarray(0, 500_000))).toBe(0);
  await expect(gunzip("f.gz", cut, contents.length + 1)).rejects.toThrow(DataError);
  const whole = await gunzip("f.gz", zipped, 2 ** 40);
  expect(whole.length).toBe(contents.length);
});

test("no compressor gets beyond the bounds of sizes", () => {
  const zeros = new Uint8Array(5_000_000);
  const noise = crypto.getRandomValues(new Uint8Array(65_536));
  for (const level of [0, 1, 6, 9]) {
    expect(mostUnzipped(deflateRawSync(zeros, { level }).length)).toBeGreaterThanOrEqual(zeros.length);
    for (const body of [noise, zeros, zeros.subarray(0, 1), zeros.subarray(0, 0)]) {
      expect(gzipSync(body, { level, memLevel: 1 }).length).toBeLessThanOrEqual(mostZipped(body.length));
    }
  }
});

test.each([
  ["cut in its middle", zipped.slice(0, zipped.length >> 1)],
  ["cut before its checksum", zipped.slice(0, -8)],
  ["cut after its first bytes", zipped.slice(0, 3)],
  ["damaged", zipped.map((byte, i) => (i > 100 && i < 200 ? 0xff : byte))],
  ["a header with nothing behind", Uint8Array.of(0x1f, 0x8b)],
])("%s is refused", async (_, bytes) => {
  const error = await gunzip("dir/f.gz", bytes, contents.length + 1).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DataError);
  expect(String(error)).toBe(
    "DataError: dir/f.gz: expected a whole gzip file, found a truncated or damaged one; download it again",
  );
});
