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

const choose = "choose an IDX file of images";

test.each<[string, Uint8Array, expected: string, found: string, remedy: string]>([
  ["empty", new Uint8Array(0), "IDX images (magic 0x00000803)", "only 0 bytes", choose],
  ["text", Buffer.from("<html>"), "IDX images (magic 0x00000803)", "0x3c68746d", choose],
  ["labels", idx([3]), "IDX images (magic 0x00000803)", "0x00000801, which is labels", choose],
  ["floats", idx([1, 1, 1], 0x0d03), "IDX images (magic 0x00000803)", "0x00000d03", choose],
  [
    "cut header",
    idx([5, 4, 3]).subarray(0, 10),
    "an IDX header of 16 bytes",
    "only 10",
    "use a complete copy",
  ],
  [
    "zero images",
    idx([0, 4, 3]),
    "at least one image of at least one pixel",
    "0 × 4 × 3",
    "use a file that has rows",
  ],
  [
    "zero pixels",
    idx([4, 0, 3]),
    "at least one image of at least one pixel",
    "4 × 0 × 3",
    "use a file that has rows",
  ],
  [
    "too short",
    idx([5, 4, 3]).subarray(0, 50),
    "76 bytes (a header of 16, then 5 × 4 × 3)",
    "50",
    "use an undamaged copy",
  ],
  [
    "trailing bytes",
    Buffer.concat([idx([5, 4, 3]), Buffer.alloc(1)]),
    "76 bytes (a header of 16, then 5 × 4 × 3)",
    "77",
    "use an undamaged copy",
  ],
])("images: %s is refused", (_, bytes, expected, found, remedy) => {
  const error = new DataError({ setting: "f", expected, found, remedy });
  expect(() => parseIdxRows("f", bytes)).toThrow(error);
});

test("absurd sizes are refused before anything is made of them", () => {
  const bytes = idx([1, 1, 1]);
  bytes.fill(0xff, 4, 16);
  expect(() => parseIdxRows("f", bytes)).toThrow(
    /^f: expected .* bytes .*, found 17; use an undamaged copy$/,
  );
});

const chooseLabels = "choose an IDX file of labels";

test.each<[string, Uint8Array, expected: string, found: string, remedy: string]>([
  ["images", idx([5, 4, 3]), "IDX labels (magic 0x00000801)", "0x00000803, which is images", chooseLabels],
  [
    "too short",
    idx([5]).subarray(0, 12),
    "13 bytes (a header of 8, then 5 labels)",
    "12",
    "use an undamaged copy",
  ],
  ["cut header", idx([5]).subarray(0, 7), "an IDX header of 8 bytes", "only 7", "use a complete copy"],
  ["empty", new Uint8Array(0), "IDX labels (magic 0x00000801)", "only 0 bytes", chooseLabels],
])("labels: %s is refused", (_, bytes, expected, found, remedy) => {
  const error = new DataError({ setting: "f", expected, found, remedy });
  expect(() => parseIdxLabels("f", bytes)).toThrow(error);
});
