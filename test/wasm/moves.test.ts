import { describe, expect, test } from "vitest";
import { checkCase } from "../cases/case.ts";
import { gather, transpose, transposeBack } from "../cases/moves.ts";
import { openBuilds } from "../support/kernel-memory.ts";
import { EDGES } from "./shapes.ts";

/** Kernels that move numbers and do not change them: gathering rows of a dataset, and transposing. */

const ROWS = 8;

describe.each(await openBuilds())("$file", ({ memory }) => {
  test.each([...EDGES, 784])("gatherBytes, rows of %i: value / 255, rounded once", (columns) => {
    checkCase(memory, gather("gatherBytes", ROWS, columns));
  });

  test("gatherBytes: all 256 values", () => {
    const values = Uint8Array.from({ length: 512 }, (_, i) => i % 256);
    const [{ found }] = checkCase(memory, gather("gatherBytes", 1, 256, { values, order: [1] }));
    expect(Array.from(found)).toEqual(Array.from({ length: 256 }, (_, i) => bitsOfFloat(i / 255)));
  });

  test.each([...EDGES, 784])("gatherFloats, rows of %i: the same bits", (columns) => {
    checkCase(memory, gather("gatherFloats", ROWS, columns));
  });

  test.each(EDGES)("transpose: %i columns to blocks of 16 rows and back", (columns) => {
    checkCase(memory, transpose(48, columns));
    checkCase(memory, transposeBack(48, columns));
  });
});

function bitsOfFloat(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0];
}
