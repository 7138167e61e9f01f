import { describe, expect, test } from "vitest";
import {
  elementIndex,
  listBytes,
  listEndBytes,
  panelsOf,
  readMatrix,
  roundUp,
  splitPanels,
  weightsAt,
  writeMatrix,
} from "../../src/wasm/matrix.ts";

test.each([
  [0, 16, 0],
  [1, 16, 16],
  [16, 16, 16],
  [17, 16, 32],
  [100, 64, 128],
])("%i rounded up to a multiple of %i is %i", (value, to, result) => expect(roundUp(value, to)).toBe(result));

test.each([
  [1, 1],
  [15, 1],
  [16, 1],
  [17, 2],
  [400, 25],
  [784, 49],
])("%i columns are %i panels", (columns, panels) => expect(panelsOf(columns)).toBe(panels));

test("weights have their bias as the last row, and nothing between panels", () => {
  expect(weightsAt(640, 20, 3)).toEqual({ at: 640, stride: 21 * 64, panels: 3, k: 20 });
});

test("the parts of a matrix stand side by side", () => {
  const [left, right] = splitPanels({ at: 64, stride: 128, panels: 4 }, 2);
  expect(left).toEqual({ at: 64, stride: 128, panels: 2 });
  expect(right).toEqual({ at: 64 + 2 * 128, stride: 128, panels: 2 });
});

test("a list has room for whole panels and one group of four more, and an end for each segment of 128", () => {
  expect([1, 16, 17].map(listBytes)).toEqual([20 * 8, 20 * 8, 36 * 8]);
  expect([1, 128, 129].map(listEndBytes)).toEqual([8, 8, 12]);
});

describe("elements", () => {
  const matrix = { at: 64, stride: 320, panels: 3 };
  const [rows, columns] = [4, 35];
  const values = Float32Array.from({ length: rows * columns }, (_, i) => i + 1);

  test("are in panels of 16 columns, one row a cache line", () => {
    expect(elementIndex(matrix, 0, 0)).toBe(16);
    expect(elementIndex(matrix, 2, 15)).toBe(16 + 2 * 16 + 15);
    expect(elementIndex(matrix, 3, 33)).toBe(16 + 2 * 80 + 3 * 16 + 1);
  });

  test("are written where they are read, row-major, and nowhere else", () => {
    const floats = new Float32Array(400);
    const back = new Float32Array(rows * columns);
    writeMatrix(floats, matrix, [rows, columns], values);
    readMatrix(floats, matrix, [rows, columns], back);
    expect(back).toEqual(values);
    expect(floats[elementIndex(matrix, 1, 20)]).toBe(values[columns + 20]);
    expect(floats.filter((value) => value !== 0)).toHaveLength(values.length);
  });

  test("are transposed where the steps say so", () => {
    const floats = new Float32Array(400);
    const [transposed, back] = [new Float32Array(1 + rows * columns), new Float32Array(rows * columns)];
    const steps = { start: 1, row: 1, column: rows };
    writeMatrix(floats, matrix, [rows, columns], values);
    readMatrix(floats, matrix, [rows, columns], transposed, steps);
    expect(transposed[1 + 20 * rows + 3]).toBe(values[3 * columns + 20]);
    floats.fill(0);
    writeMatrix(floats, matrix, [rows, columns], transposed, steps);
    readMatrix(floats, matrix, [rows, columns], back);
    expect(back).toEqual(values);
  });
});
