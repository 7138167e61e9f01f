import { describe, expect, test } from "vitest";
import { GRADIENT_BYTES, LANES, panelsOf } from "../../src/wasm/kernels.ts";
import { TILES } from "../../src/wasm/tiles.ts";
import { columnSums, matmulBackwardWeight } from "../reference/matmul.ts";
import { columnSumsTolerance, matmulBackwardWeightTolerance } from "../reference/tolerance.ts";
import { adamCoefficients } from "../support/adam.ts";
import {
  bitsOf,
  float32,
  type KernelMemory,
  openBuilds,
  type Panels,
  rowsOf,
} from "../support/kernel-memory.ts";
import { uniforms } from "../support/uniforms.ts";
import { nameOf, SHAPES, type Shape } from "./shapes.ts";

const exact = { rtol: 0, atol: 0 };

/** Rows above and below the batch: NaN, so that a sum that reads too far shows. */
const MARGIN = 2;

interface Operands {
  readonly x: Panels;
  readonly dy: Panels;
}

const cases = SHAPES.map((shape) => {
  const { rows, k, n } = shape;
  const x = float32(uniforms(rows + 400, rows * k));
  const dy = float32(uniforms(n + 500, rows * n));
  const gradient = [...matmulBackwardWeight(x, dy, rows, k, n), ...columnSums(dy, rows, n)];
  const tolerance = [
    ...matmulBackwardWeightTolerance(x, dy, rows, k, n),
    ...columnSumsTolerance(dy, rows, n),
  ];
  return { shape, x, dy, gradient, tolerance };
});

function putBetweenNans(memory: KernelMemory, values: Float32Array, rows: number, columns: number): Panels {
  const margin = new Float32Array(MARGIN * columns).fill(Number.NaN);
  const whole = memory.put(Float32Array.of(...margin, ...values, ...margin), rows + 2 * MARGIN, columns);
  return rowsOf(whole, MARGIN, rows);
}

function putOperands(
  memory: KernelMemory,
  { rows, k, n }: Shape,
  x: Float32Array,
  dy: Float32Array,
): Operands {
  return { x: putBetweenNans(memory, x, rows, k), dy: putBetweenNans(memory, dy, rows, n) };
}

/** Blocks of 16 rows that a layer's weights have in all; the bias goes with the last of each panel. */
function blocksOf({ k, n }: Shape): number {
  return panelsOf(k) * panelsOf(n);
}

function gradientInto(
  memory: KernelMemory,
  to: number,
  { rows, k }: Shape,
  { x, dy }: Operands,
  [first, last]: readonly [number, number],
  tile: number,
): void {
  const { linearBackwardWeight } = memory.kernels;
  linearBackwardWeight(to, x.at, x.stride, dy.at, dy.stride, rows, k, first, last, tile);
}

/** A worker's part of `count` blocks. */
function share(count: number, rank: number, size: number): readonly [first: number, last: number] {
  return [Math.floor((count * rank) / size), Math.floor((count * (rank + 1)) / size)];
}

/** Whether a row of [w; b] belongs to one of the blocks first ≤ i < last. */
function inBlocks(panel: number, row: number, k: number, [first, last]: readonly [number, number]): boolean {
  const block = panel * panelsOf(k) + Math.min(Math.floor(row / LANES), panelsOf(k) - 1);
  return block >= first && block < last;
}

/** Weights and both moments as they might stand in the middle of a run: v is never negative. */
function putModel(memory: KernelMemory, { k, n }: Shape) {
  const size = (k + 1) * n;
  const small = uniforms(8, size, 0, 1e-3);
  return {
    w: memory.put(float32(uniforms(6, size)), k + 1, n, 0),
    m: memory.put(float32(uniforms(7, size, -0.1, 0.1)), k + 1, n, 0),
    v: memory.put(float32(small), k + 1, n, 0),
  };
}

describe.each(await openBuilds())("$file", ({ memory }) => {
  describe.each(Object.entries(TILES))("tile %s", (_, tile) => {
    test("linearBackwardWeight", () => {
      for (const { shape, x, dy, gradient, tolerance } of cases) {
        const { k, n } = shape;
        memory.reset();
        const operands = putOperands(memory, shape, x, dy);
        const dw = memory.room(k + 1, n, 0);
        gradientInto(memory, dw.at, shape, operands, [0, blocksOf(shape)], tile);
        expect(memory.get(dw), nameOf(shape)).toBeAllClose(gradient, {
          rtol: 0,
          atol: tolerance,
          shape: [k + 1, n],
        });
        expect(memory.padding(dw).every((value) => value === 0)).toBe(true);
      }
    });

    test("blocks of others stay untouched, and the shares of any number of workers make the whole", () => {
      for (const { shape, x, dy } of cases) {
        const { k, n } = shape;
        memory.reset();
        const operands = putOperands(memory, shape, x, dy);
        const whole = memory.room(k + 1, n, 0);
        gradientInto(memory, whole.at, shape, operands, [0, blocksOf(shape)], tile);
        const expected = bitsOf(memory.floats(whole.at, (whole.panels * whole.stride) / 4));
        for (const size of [2, 3, 5]) {
          for (let rank = 0; rank < size; rank++) {
            const range = share(blocksOf(shape), rank, size);
            const part = memory.room(k + 1, n, 0);
            const canaries = memory.words(part.at, expected.length).slice();
            gradientInto(memory, part.at, shape, operands, range, tile);
            const owned = expected.map((word, i) => {
              const row = Math.floor(i / LANES);
              const panel = Math.floor(row / (k + 1));
              return inBlocks(panel, row % (k + 1), k, range) ? word : canaries[i];
            });
            expect(memory.words(part.at, expected.length), nameOf(shape)).toBeAllClose(owned, exact);
          }
        }
      }
    });

    test("linearUpdate is linearBackwardWeight and then adamRows, to the bit", () => {
      for (const { shape, x, dy } of cases) {
        const { rows, k, n } = shape;
        memory.reset();
        const operands = putOperands(memory, shape, x, dy);
        const adam = memory.putVector(adamCoefficients(3));
        const room = memory.allocate(GRADIENT_BYTES);
        const [fused, apart] = [putModel(memory, shape), putModel(memory, shape)];
        const { linearUpdate, adamRows } = memory.kernels;
        for (let rank = 0; rank < 3; rank++) {
          const [first, last] = share(blocksOf(shape), rank, 3);
          const [{ w, m, v }, own, delta] = [fused, operands.x, operands.dy];
          linearUpdate(
            w.at,
            m.at,
            v.at,
            own.at,
            own.stride,
            delta.at,
            delta.stride,
            rows,
            k,
            first,
            last,
            room,
            adam,
            tile,
          );
        }
        const dw = memory.room(k + 1, n, 0);
        gradientInto(memory, dw.at, shape, operands, [0, blocksOf(shape)], tile);
        adamRows(apart.w.at, apart.m.at, apart.v.at, dw.at, dw.panels * (k + 1), adam);
        for (const name of ["w", "m", "v"] as const) {
          const [actual, expected] = [fused[name], apart[name]].map((matrix) => bitsOf(memory.get(matrix)));
          expect(actual, `${name}, ${nameOf(shape)}`).toBeAllClose(expected, exact);
          expect(memory.padding(fused[name]).every((value) => value === 0)).toBe(true);
        }
      }
    });
  });
});
