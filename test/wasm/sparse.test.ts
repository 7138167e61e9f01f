import { describe, expect, test } from "vitest";
import { ACTIVATIONS, GRADIENT_BYTES, LANES, panelsOf, ROW_BYTES } from "../../src/wasm/kernels.ts";
import { TILES } from "../../src/wasm/tiles.ts";
import { adamCoefficients } from "../support/adam.ts";
import {
  bitsOf,
  float32,
  type KernelMemory,
  openBuilds,
  type Panels,
  rowsOf,
} from "../support/kernel-memory.ts";
import { endsOf, entriesOf, listColumns, listRows } from "../support/lists.ts";
import { uniforms } from "../support/uniforms.ts";
import { nameOf, type Shape } from "./shapes.ts";

/** The dense kernels have been held against their twins; the sparse ones must give the same bits. */

const exact = { rtol: 0, atol: 0 };

/** Rows of others above and below. */
const MARGIN = 2;

/** Panels of n around what is worked on at once (1 to 5), edges of rows, of columns and of segments of both. */
const SHAPES: readonly Shape[] = [
  ...[1, 15, 16, 17, 32, 33, 64, 80, 81, 96, 112, 160, 161].map((n) => ({ rows: 7, k: 35, n })),
  ...[1, 2, 3, 15, 16, 17, 31, 33, 127, 128, 129, 257].map((rows) => ({ rows, k: 21, n: 85 })),
  ...[1, 2, 4, 15, 16, 17, 31, 32, 33, 127, 128, 129, 784].map((k) => ({ rows: 19, k, n: 39 })),
];

/** All zero, mostly zero, nothing zero: each shape has each of them with some tile. */
const DENSITIES = [0, 0.2, 1] as const;

function densityOf(turn: number): number {
  return DENSITIES[turn % DENSITIES.length];
}

/** Numbers of which a part is zero, zeros of both signs among them; columns 3, 4 and 5 and rows 1 and 2 are all zero. */
function mostlyZero(rows: number, columns: number, density: number): Float32Array {
  const values = uniforms(rows + 13 * columns, rows * columns);
  const dice = uniforms(rows + 17 * columns + 1, rows * columns, 0, 1);
  return float32(
    values.map((value, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      const empty = density < 1 && ((column >= 3 && column < 6) || row === 1 || row === 2);
      if (!empty && dice[i] < density) return value;
      return value < 0 ? -0 : 0;
    }),
  );
}

function putBetweenNans(memory: KernelMemory, values: Float32Array, rows: number, columns: number): Panels {
  const margin = new Float32Array(MARGIN * columns).fill(Number.NaN);
  const whole = memory.put(Float32Array.of(...margin, ...values, ...margin), rows + 2 * MARGIN, columns);
  return rowsOf(whole, MARGIN, rows);
}

describe.each(await openBuilds())("$file", ({ memory }) => {
  test.each(DENSITIES)(
    "listRows and listColumns at density %d: all that is not zero, in order",
    (density) => {
      for (const shape of SHAPES) {
        const { rows, k } = shape;
        memory.reset();
        const values = mostlyZero(rows, k, density);
        const x = putBetweenNans(memory, values, rows, k);
        const byRow = listRows(memory, x);
        const byColumn = listColumns(memory, x);
        const nonzero = (i: number, offset: number) =>
          values[i] === 0 ? [] : [[offset * ROW_BYTES, values[i]]];
        /** How many entries of a list come before each multiple of 128 places, and in all. */
        const ends = (entries: number[][], length: number) =>
          Array.from({ length: Math.ceil(length / 128) + 1 }, (_, segment) => {
            return entries.filter(([offset]) => offset < segment * 128 * ROW_BYTES).length;
          });
        for (let r = 0; r < rows; r++) {
          const expected = Array.from({ length: k }, (_, c) => nonzero(r * k + c, c)).flat();
          expect(entriesOf(memory, byRow, r), nameOf(shape)).toEqual(expected);
          expect(endsOf(memory, byRow, r), nameOf(shape)).toEqual(ends(expected, k));
        }
        for (let c = 0; c < x.panels * LANES; c++) {
          const expected = Array.from({ length: rows }, (_, r) =>
            c < k ? nonzero(r * k + c, r) : [],
          ).flat();
          expect(entriesOf(memory, byColumn, c), nameOf(shape)).toEqual(expected);
          expect(endsOf(memory, byColumn, c), nameOf(shape)).toEqual(ends(expected, rows));
        }
        const { countEntries } = memory.kernels;
        const all = values.filter((value) => value !== 0).length;
        expect(countEntries(byRow.ends, byRow.endStride, rows, k), nameOf(shape)).toBe(all);
      }
    },
  );

  test("listColumns writes the lists of its own columns only", () => {
    memory.reset();
    const x = memory.put(mostlyZero(9, 70, 0.5), 9, 70);
    const [first, last] = [20, 48];
    const own = listColumns(memory, x, first, last);
    const all = listColumns(memory, x);
    const [canary] = memory.words(memory.allocate(4), 1);
    for (let column = 0; column < x.panels * LANES; column++) {
      if (column >= first && column < last) {
        expect(entriesOf(memory, own, column)).toEqual(entriesOf(memory, all, column));
      } else {
        const words = [
          ...memory.words(own.ends + column * own.endStride, own.endStride / 4),
          ...memory.words(own.at + column * own.stride, own.stride / 4),
        ];
        expect(words.every((word) => word === canary)).toBe(true);
      }
    }
  });

  test("what is no number is not zero", () => {
    memory.reset();
    const x = memory.put([0, Number.NaN, 0, Number.POSITIVE_INFINITY, 0, 1e-45], 2, 3);
    const lists = listRows(memory, x);
    expect(entriesOf(memory, lists, 0)).toEqual([[ROW_BYTES, Number.NaN]]);
    expect(entriesOf(memory, lists, 1)).toEqual([
      [0, Number.POSITIVE_INFINITY],
      [2 * ROW_BYTES, Math.fround(1e-45)],
    ]);
  });

  describe.each(Object.entries(TILES))("tile %s", (_, tile) => {
    test("linearSparse is linear, to the bit", () => {
      for (const [i, shape] of SHAPES.entries()) {
        const { rows, k, n } = shape;
        const density = densityOf(i + tile);
        memory.reset();
        const x = putBetweenNans(memory, mostlyZero(rows, k, density), rows, k);
        const { at, stride, ends, endStride } = listRows(memory, x);
        const weights = memory.putWeights(float32(uniforms(k, k * n)), float32(uniforms(n, n)), k, n);
        for (const activation of Object.values(ACTIVATIONS)) {
          const [whole, dense] = [0, 1].map(() => memory.room(rows + 2 * MARGIN, n));
          const [y, z] = [whole, dense].map((matrix) => rowsOf(matrix, MARGIN, rows));
          const { linear, linearSparse } = memory.kernels;
          const { panels } = y;
          linear(z.at, z.stride, x.at, x.stride, weights.at, rows, panels, k, activation, tile);
          // biome-ignore format: one call
          linearSparse(
            y.at, y.stride, at, stride, ends, endStride, weights.at, rows, panels, k, activation, tile,
          );
          const [actual, expected] = [y, z].map((matrix) => bitsOf(memory.get(matrix)));
          expect(actual, nameOf(shape)).toBeAllClose(expected, { ...exact, shape: [rows, n] });
          expect(memory.padding(y).every((value) => value === 0)).toBe(true);
          expect(memory.strays(whole, MARGIN, rows)).toBe(0);
        }
      }
    });

    test("linearUpdateSparse is linearUpdate, to the bit", () => {
      for (const [i, shape] of SHAPES.entries()) {
        const { rows, k, n } = shape;
        const density = densityOf(i + tile);
        memory.reset();
        const x = putBetweenNans(memory, mostlyZero(rows, k, density), rows, k);
        const dy = putBetweenNans(memory, float32(uniforms(n + 3, rows * n)), rows, n);
        const { at, stride, ends, endStride } = listColumns(memory, x);
        const adam = memory.putVector(adamCoefficients(3));
        const room = memory.allocate(GRADIENT_BYTES);
        const model = (seed: number, low: number) =>
          memory.put(float32(uniforms(seed, (k + 1) * n, low, 1e-2)), k + 1, n, 0);
        const [dense, sparse] = [0, 1].map(() => [model(6, -1), model(7, -0.1), model(8, 0)]);
        const all = panelsOf(k) * dy.panels;
        const { linearUpdate, linearUpdateSparse } = memory.kernels;
        {
          const [w, m, v] = dense.map((matrix) => matrix.at);
          linearUpdate(w, m, v, x.at, x.stride, dy.at, dy.stride, rows, k, 0, all, room, adam, tile);
        }
        const [w, m, v] = sparse.map((matrix) => matrix.at);
        const update = (first: number, last: number) =>
          linearUpdateSparse(
            w,
            m,
            v,
            at,
            stride,
            ends,
            endStride,
            dy.at,
            dy.stride,
            rows,
            dy.panels,
            k,
            first,
            last,
            room,
            adam,
            tile,
          );
        const half = 4 * Math.floor(k / 8);
        update(half, panelsOf(k) * LANES);
        update(0, half);
        for (const [i, matrix] of sparse.entries()) {
          const [actual, expected] = [matrix, dense[i]].map((of) => bitsOf(memory.get(of)));
          expect(actual, nameOf(shape)).toBeAllClose(expected, { ...exact, shape: [k + 1, n] });
          expect(memory.padding(matrix).every((value) => value === 0)).toBe(true);
        }
      }
    });
  });
});
