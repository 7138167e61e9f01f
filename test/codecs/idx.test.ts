import { expect, test } from "vitest";
import { parseIdxLabels, parseIdxRows } from "../../src/codecs/idx.ts";
import { DataError } from "../../src/errors.ts";
import { idx } from "../data/support.ts";

test("images are a view of the file's bytes, with their shape", () => {
  const file = idx([5, 4, 3]);
  const rows = parseIdxRows("images", file);
  expect(rows).toMatchObject({ count: 5, dim: 12, shape: [4, 3] });
  expect([...rows.values]).toEqual(Array.from({ length: 60 }, (_, i) => i));
  expect(rows.values.buffer).toBe(file.buffer);
});

test.each([[[7, 6]], [[7, 2, 3, 1]]])("sizes %j are rows without a shape", (sizes) => {
  const rows = parseIdxRows("rows", idx(sizes));
  expect(rows).toMatchObject({ count: 7, dim: 6 });
  expect(rows).not.toHaveProperty("shape");
});

test("labels", () => {
  expect([...parseIdxLabels("labels", idx([4]))]).toEqual([0, 1, 2, 3]);
});

test.each([
  ["empty", new Uint8Array(0), "f: expected IDX images (magic 0x00000803), found only 0 bytes."],
  ["text", Buffer.from("<html>"), "f: expected IDX images (magic 0x00000803), found 0x3c68746d."],
  ["labels", idx([3]), "f: expected IDX images (magic 0x00000803), found 0x00000801, which is labels."],
  ["floats", idx([1, 1, 1], 0x0d03), "f: expected IDX images (magic 0x00000803), found 0x00000d03."],
  [
    "cut header",
    idx([5, 4, 3]).subarray(0, 10),
    "f: expected an IDX header of 16 bytes, found only 10 bytes.",
  ],
  ["zero images", idx([0, 4, 3]), "f: expected at least one image of at least one pixel, found 0 × 4 × 3."],
  ["zero pixels", idx([4, 0, 3]), "f: expected at least one image of at least one pixel, found 4 × 0 × 3."],
  [
    "too short",
    idx([5, 4, 3]).subarray(0, 50),
    "f: expected 76 bytes (a header of 16, then 5 × 4 × 3), found 50.",
  ],
  [
    "trailing bytes",
    Buffer.concat([idx([5, 4, 3]), Buffer.alloc(1)]),
    "f: expected 76 bytes (a header of 16, then 5 × 4 × 3), found 77.",
  ],
])("images: %s is refused", (_, bytes, message) => {
  expect(() => parseIdxRows("f", bytes)).toThrow(new DataError(message));
});

test("absurd sizes are refused before anything is made of them", () => {
  const bytes = idx([1, 1, 1]);
  bytes.fill(0xff, 4, 16);
  expect(() => parseIdxRows("f", bytes)).toThrow(/^f: expected .* bytes .*, found 17\.$/);
});

test.each([
  ["images", idx([5, 4, 3]), "f: expected IDX labels (magic 0x00000801), found 0x00000803, which is images."],
  ["too short", idx([5]).subarray(0, 12), "f: expected 13 bytes (a header of 8, then 5 labels), found 12."],
  ["cut header", idx([5]).subarray(0, 7), "f: expected an IDX header of 8 bytes, found only 7 bytes."],
  ["empty", new Uint8Array(0), "f: expected IDX labels (magic 0x00000801), found only 0 bytes."],
])("labels: %s is refused", (_, bytes, message) => {
  expect(() => parseIdxLabels("f", bytes)).toThrow(new DataError(message));
});
