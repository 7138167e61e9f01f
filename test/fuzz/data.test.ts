import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { test } from "vitest";
import { gunzip } from "../../src/codecs/gzip.ts";
import { parseIdxLabels, parseIdxRows } from "../../src/codecs/idx.ts";
import { DataError } from "../../src/errors.ts";
import { idx } from "../cli/support.ts";
import { damaged } from "./damage.ts";
import { expectDefended } from "./defence.ts";

const values = Uint8Array.from({ length: 240 }, (_, i) => i);
const images = [idx([3, 8, 10], values), idx([6, 40], values), idx([5, 4, 3, 4], values)];
const labels = [idx([240], values), idx([0], new Uint8Array(0)), idx([3], values.subarray(0, 3))];

/** Another magic number, or another size. */
const headerEdit = fc
  .tuple(
    fc.nat(4),
    fc.oneof(fc.nat(64), fc.constantFrom(0x0801, 0x0803, 0x08ff, 0x0d03, 2 ** 31, 2 ** 32 - 1)),
  )
  .map(([index, word]) =>
    Object.assign(
      (bytes: Uint8Array<ArrayBuffer>) => {
        const changed = new Uint8Array(bytes);
        if (changed.length >= 4 * index + 4) new DataView(changed.buffer).setUint32(4 * index, word);
        return changed;
      },
      { [fc.toStringMethod]: () => `word ${index} is ${word}` },
    ),
  );

const defended = { error: DataError, sizeOf: ({ length }: Uint8Array) => length };

// Rows and labels are views of the file.
test("IDX rows", async () => {
  const input = damaged(images, [headerEdit]);
  await expectDefended({ ...defended, input, multiple: 0, read: (bytes) => parseIdxRows("file", bytes) });
});

test("IDX labels", async () => {
  const input = damaged(labels, [headerEdit]);
  await expectDefended({ ...defended, input, multiple: 0, read: (bytes) => parseIdxLabels("file", bytes) });
});

// These hold at most 66 000 bytes.
test("gzip", async () => {
  const bodies = [values, new Uint8Array(300), new Uint8Array(66_000)];
  const input = damaged(bodies.map((body) => gzipSync(body)));
  await expectDefended({
    ...defended,
    input,
    multiple: 1,
    sizeOf: ({ length }) => length + 0x4_0000,
    read: (bytes) => gunzip("file", bytes, 66_001),
  });
});
