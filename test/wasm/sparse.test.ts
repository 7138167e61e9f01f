import { describe, expect, test } from "vitest";
import { LANES, ROW_BYTES } from "../../src/wasm/layout.ts";
import { panelsOf } from "../../src/wasm/matrix.ts";
import { TILES, type TileName } from "../../src/wasm/tiles.ts";
import { bitsOfCase, checkCase, readList } from "../cases/case.ts";
import {
  FINISH_NAMES,
  linear,
  linearSparse,
  type Operands,
  operandsOf,
  type Shape,
  scattered,
} from "../cases/products.ts";
import { countEntries, listColumns, listRows } from "../cases/sparse.ts";
import { linearUpdate, linearUpdateSparse, putState, STATE } from "../cases/updates.ts";
import { adamCoefficients } from "../support/adam.ts";
import { EXACT } from "../support/closeness.ts";
import { bitsOf, openBuilds } from "../support/kernel-memory.ts";
import { nameOf } from "./shapes.ts";

/** Panels of n around what is worked on at once (1 to 5), edges of rows, of columns and of segments of both. */
const SHAPES: readonly Shape[] = [
  ...[1, 15, 16, 17, 32, 33, 64, 80, 81, 96, 112, 160, 161].map((n) => ({ rows: 7, k: 35, n })),
  ...[1, 2, 3, 15, 16, 17, 31, 33, 127, 128, 129, 257].map((rows) => ({ rows, k: 21, n: 85 })),
  ...[1, 2, 4, 15, 16, 17, 31, 32, 33, 127, 128, 129, 784].map((k) => ({ rows: 19, k, n: 39 })),
];

/** All zero, mostly zero, nothing zero: each shape has each of them with some tile. */
const DENSITIES = [0, 0.2, 1] as const;
const tiles = Object.keys(TILES) as TileName[];

/** A part of the numbers is zero; columns 3, 4 and 5 and rows 1 and 2 are all zero. */
function mostlyZero({ rows, k }: Shape, density: number): Float32Array {
  return scattered(rows, k, density).map((value, i) => {
    const [row, column] = [Math.floor(i / k), i % k];
    const empty = density < 1 && ((column >= 3 && column < 6) || row === 1 || row === 2);
    return empty ? 0 : value;
  });
}

function sparseOperands(shape: Shape, density: number): Operands {
  return { ...operandsOf(shape), x: mostlyZero(shape, density) };
}

describe.each(await openBuilds())("$file", ({ memory }) => {
  test.each(DENSITIES)("lists at density %d: all that is not zero, in order", (density) => {
    for (const shape of SHAPES) {
      const values = mostlyZero(shape, density);
      checkCase(memory, listRows(shape, values));
      checkCase(memory, listColumns(shape, undefined, values));
      checkCase(memory, countEntries(shape, values));
    }
  });

  test("listColumns writes the lists of its own columns only", () => {
    checkCase(memory, listColumns({ rows: 9, k: 70, density: 0.5 }, [20, 48]));
  });

  test("what is no number is not zero", () => {
    memory.reset();
    const x = memory.putSlice([0, Number.NaN, 0, Number.POSITIVE_INFINITY, 0, 1e-45], 2, 3);
    const lists = memory.listRows(x);
    const [from] = x.range;
    const [first, second] = [from, from + 1].map((row) => readList(memory, lists, row).entries);
    expect(first).toEqual([[ROW_BYTES, Number.NaN]]);
    expect(second).toEqual([
      [0, Number.POSITIVE_INFINITY],
      [2 * ROW_BYTES, Math.fround(1e-45)],
    ]);
  });

  describe.each(tiles)("tile %s", (tile) => {
    const densityOf = (i: number): number => DENSITIES[(i + tiles.indexOf(tile)) % DENSITIES.length];

    test("linearSparse is right, and is linear to the bit", () => {
      for (const [i, shape] of SHAPES.entries()) {
        const operands = sparseOperands(shape, densityOf(i));
        for (const finish of FINISH_NAMES) {
          const sparse = linearSparse(shape, finish, operands);
          checkCase(memory, sparse, tile);
          const expected = bitsOfCase(memory, linear(shape, finish, operands), tile);
          expect(bitsOfCase(memory, sparse, tile), nameOf(shape)).toBeAllClose(expected, EXACT);
        }
      }
    });

    test("linearUpdateSparse is right, and is linearUpdate to the bit", () => {
      for (const [i, shape] of SHAPES.entries()) {
        const operands = sparseOperands(shape, densityOf(i));
        const sparse = linearUpdateSparse(shape, operands);
        checkCase(memory, sparse, tile);
        const expected = bitsOfCase(memory, linearUpdate(shape, operands), tile);
        expect(bitsOfCase(memory, sparse, tile), nameOf(shape)).toBeAllClose(expected, EXACT);
      }
    });

    test("linearUpdateSparse, some columns after others, gives the same bits", () => {
      const kernels = memory.kernels(tile);
      for (const [i, shape] of SHAPES.entries()) {
        const { rows, k, n } = shape;
        const { x, dy } = sparseOperands(shape, densityOf(i));
        memory.reset();
        const lists = memory.listColumns(memory.putSlice(x, rows, k).own);
        const delta = memory.putSlice(dy, rows, n).own;
        const room = memory.updateRoom(adamCoefficients(3));
        const [whole, parts] = [putState(memory, shape), putState(memory, shape)];
        const end = panelsOf(k) * LANES;
        const half = 4 * Math.floor(k / 8);
        kernels.linearUpdateSparse(whole.weights, lists, delta, rows, [0, end], room);
        kernels.linearUpdateSparse(parts.weights, lists, delta, rows, [half, end], room);
        kernels.linearUpdateSparse(parts.weights, lists, delta, rows, [0, half], room);
        for (const name of STATE) {
          const [expected, actual] = [whole, parts].map(({ grids }) => bitsOf(memory.read(grids[name])));
          expect(actual, `${name}, ${nameOf(shape)}`).toBeAllClose(expected, EXACT);
          expect(memory.padding(parts.grids[name]).every((value) => value === 0)).toBe(true);
        }
      }
    });
  });
});
