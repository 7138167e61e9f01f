/** The page's own functions, without a browser: what stands before its results needs none. */
import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";

const page = readFileSync(new URL("../../compare/replay.html", import.meta.url), "utf8");
const script = /<script type="module">\n([\s\S]*?)\n\/\/ ── the same work in jax-js/.exec(page)![1]!;

type ReadRows = (file: Blob, trace: object) => Promise<Uint8Array>;
const readRows = runInNewContext(`${script}\nreadRows`, { Uint8Array }) as ReadRows;

test("the rows of a long trace are found among the images", async () => {
  const images = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 10, 20, 30);
  const rows = Int32Array.from({ length: 1_000_000 }, (_, i) => i % 3);
  const trace = { config: { inputDim: 1 }, rows, metadata: {} };
  const x = await readRows(new File([images], "images"), trace);
  expect(x.length).toBe(rows.length);
  expect([...x.subarray(0, 4)]).toEqual([10, 20, 30, 10]);
  rows[999_999] = 3;
  await expect(readRows(new File([images], "images"), trace)).rejects.toThrow(
    "images: expected images of 1 bytes, more than 3 of them, found 3 bytes",
  );
});
