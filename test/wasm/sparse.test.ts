import { describe, expect, test } from "vitest";
import { LANES, ROW_BYTES } from "../../src/wasm/layout.ts";
import { panelsOf } from "../../src/wasm/matrix.ts";
import { TILES, type TileName } from "../../src/wasm/tiles.ts";
import { bitsOfCase, checkCase, readList } from "../cases/case.ts";
import { FINISH_NAMES, linear, linearSparse, operandsOf, type Shape, scattered } from "../cases/products.ts";
import { countEntries, listColumns, listRows } from "../cases/sparse.ts";
import { linearUpdate, linearUpdateSparse, putState, STATE, stateOf } from "../cases/updates.ts";
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

/** Some x of each shape and all that is done with it: made once for all builds and tiles, which share operands and twins. */
const LAYERS = DENSITIES.map((density) =>
  SHAPES.map((shape) => {
    const values = mostlyZero(shape, density);
    const operands = { ...operandsOf(shape), x: values };
    return {
      shape,
      operands,
      state: stateOf(shape),
      lists: [listRows(shape, values), listColumns(shape, undefined, values), countEntries(shape, values)],
      products: FINISH_NAMES.map((finish) => ({
        sparse: linearSparse(shape, finish, operands),
        dense: linear(shape, finish, operands),
      })),
      update: { sparse: linearUpdateSparse(shape, operands), dense: linearUpdate(shape, operands) },
    };
  }),
);

describe.each(await openBuilds())("$file", ({ memory }) => {
  test.each(DENSITIES.map((density, i) => [density, LAYERS[i]] as const))(
    "lists at density %d: all that is not zero, in order",
    (_, layers) => {
      for (const { lists } of layers) {
        for (const one of lists) checkCase(memory, one);
      }
    },
  );

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
    const layers = SHAPES.map((_, i) => LAYERS[(i + tiles.indexOf(tile)) % DENSITIES.length][i]);

    test("linearSparse is right, and is linear to the bit", () => {
      for (const { shape, products } of layers) {
        for (const { sparse, dense } of products) {
          checkCase(memory, sparse, tile);
          const expected = bitsOfCase(memory, dense, tile);
          expect(bitsOfCase(memory, sparse, tile), nameOf(shape)).toBeAllClose(expected, EXACT);
        }
      }
    });

    test("linearUpdateSparse is right, and is linearUpdate to the bit", () => {
      for (const { shape, update } of layers) {
        const { sparse, dense } = update;
        checkCase(memory, sparse, tile);
        const expected = bitsOfCase(memory, dense, tile);
        expect(bitsOfCase(memory, sparse, tile), nameOf(shape)).toBeAllClose(expected, EXACT);
      }
    });

    test("linearUpdateSparse, some columns after others, gives the same bits", () => {
      const kernels = memory.kernels(tile);
      for (const { shape, operands, state } of layers) {
        const { rows, k, n } = shape;
        const { x, dy } = operands;
        memory.reset();
        const lists = memory.listColumns(memory.putSlice(x, rows, k).own);
        const delta = memory.putSlice(dy, rows, n).own;
        const room = memory.updateRoom(adamCoefficients(3));
        const [whole, parts] = [putState(memory, shape, state), putState(memory, shape, state)];
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
