import { describe, expect, test } from "vitest";
import { panelsOf, ROW_BYTES } from "../../src/wasm/kernels.ts";
import { bitsOf, float32, type KernelMemory, openBuilds, rowsOf } from "../support/kernel-memory.ts";
import { uniforms } from "../support/uniforms.ts";
import { EDGES } from "./shapes.ts";

/** Kernels that move numbers and do not change them: gathering rows of a dataset, and transposing. */

const exact = { rtol: 0, atol: 0 };
const MARGIN = 2;

/** Rows of a dataset in an order that repeats some and leaves out others. */
const DATASET_ROWS = 11;
const ORDER = [10, 0, 3, 3, 7, 1, 10, 5];

function putBytes(memory: KernelMemory, bytes: Uint8Array): number {
  const at = memory.allocate(bytes.length);
  const words = memory.words(at, Math.ceil(bytes.length / 4));
  new Uint8Array(words.buffer, at, bytes.length).set(bytes);
  return at;
}

function putIndices(memory: KernelMemory): number {
  const at = memory.allocate(ORDER.length * 4);
  memory.words(at, ORDER.length).set(ORDER);
  return at;
}

function gather(
  memory: KernelMemory,
  kernel: "gatherBytes" | "gatherFloats",
  data: number,
  columns: number,
): Float32Array {
  const indices = putIndices(memory);
  const whole = memory.room(ORDER.length + 2 * MARGIN, columns);
  const own = rowsOf(whole, MARGIN, ORDER.length);
  memory.kernels[kernel](own.at, own.stride, data, indices, ORDER.length, columns);
  expect(memory.padding(own).every((value) => value === 0)).toBe(true);
  expect(memory.strays(whole, MARGIN, ORDER.length)).toBe(0);
  return memory.get(own);
}

/** The rows of `values` in ORDER. */
function ordered<T>(values: ArrayLike<T>, columns: number): T[] {
  return ORDER.flatMap((row) => Array.from({ length: columns }, (_, c) => values[row * columns + c]));
}

describe.each(await openBuilds())("$file", ({ memory }) => {
  test.each([...EDGES, 784])("gatherBytes, rows of %i: value / 255, rounded once", (columns) => {
    memory.reset();
    const bytes = Uint8Array.from({ length: DATASET_ROWS * columns }, (_, i) => (i * 37) % 256);
    const values = gather(memory, "gatherBytes", putBytes(memory, bytes), columns);
    const expected = float32(ordered(bytes, columns).map((value) => value / 255));
    expect(bitsOf(values)).toBeAllClose(bitsOf(expected), { ...exact, shape: [ORDER.length, columns] });
  });

  test("gatherBytes: all 256 values", () => {
    memory.reset();
    const bytes = Uint8Array.from({ length: DATASET_ROWS * 256 }, (_, i) => i % 256);
    const values = gather(memory, "gatherBytes", putBytes(memory, bytes), 256);
    expect([...values.subarray(0, 256)]).toEqual(Array.from({ length: 256 }, (_, i) => Math.fround(i / 255)));
  });

  test.each([...EDGES, 784])("gatherFloats, rows of %i: the same bits", (columns) => {
    memory.reset();
    const floats = float32(uniforms(columns, DATASET_ROWS * columns));
    floats.set([Number.NaN, -0, Number.POSITIVE_INFINITY, 1e-45].slice(0, columns), 3 * columns);
    const values = gather(memory, "gatherFloats", memory.putVector(floats), columns);
    const expected = float32(ordered(floats, columns));
    expect(bitsOf(values)).toBeAllClose(bitsOf(expected), { ...exact, shape: [ORDER.length, columns] });
  });

  test.each(EDGES)("transpose: %i columns to blocks of 16 rows and back", (columns) => {
    memory.reset();
    const [blocks, rows, panels] = [3, 48, panelsOf(columns)];
    const values = float32(uniforms(columns, rows * columns));
    const square = 16 * ROW_BYTES;
    const matrix = memory.put(values, rows, columns);
    // matrixᵀ as [blocks of 16 rows][columns][16], which is what panels are of the transpose
    const turned = memory.room(panels * 16, rows);
    const { transpose } = memory.kernels;
    transpose(turned.at, turned.stride, square, matrix.at, square, matrix.stride, blocks, panels);
    const expected = Float32Array.from(
      { length: columns * rows },
      (_, i) => values[(i % rows) * columns + Math.floor(i / rows)],
    );
    const columnsOnly = rowsOf(turned, 0, columns);
    expect(bitsOf(memory.get(columnsOnly))).toBeAllClose(bitsOf(expected), {
      ...exact,
      shape: [columns, rows],
    });
    const padding = memory.get(rowsOf(turned, columns, panels * 16 - columns));
    expect(padding.every((value) => value === 0)).toBe(true);
    expect(memory.strays(turned)).toBe(0);

    const back = memory.room(rows, columns);
    transpose(back.at, square, back.stride, turned.at, turned.stride, square, blocks, panels);
    expect(bitsOf(memory.get(back))).toBeAllClose(bitsOf(values), exact);
    expect(memory.padding(back).every((value) => value === 0)).toBe(true);
    expect(memory.strays(back)).toBe(0);
  });
});
