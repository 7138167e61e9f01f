import { describe, expect, test } from "vitest";
import { ACTIVATIONS, LANES, panelsOf, ROW_BYTES } from "../../src/wasm/kernels.ts";
import { TILES } from "../../src/wasm/tiles.ts";
import { reluForward, tanhForward } from "../reference/activation.ts";
import { matmulBackwardInput, matmulForward, transpose } from "../reference/matmul.ts";
import { matmulBackwardInputTolerance, matmulForwardTolerance } from "../reference/tolerance.ts";
import { float32, type KernelMemory, openBuilds, type Panels, rowsOf } from "../support/kernel-memory.ts";
import { uniforms } from "../support/uniforms.ts";
import { GREATEST_ERROR } from "./errors.ts";
import { nameOf, SHAPES, type Shape } from "./shapes.ts";

/** Rows of other owners above and below those that a kernel is given: NaN to read, not to be written. */
const MARGIN = 2;

function surrounded(values: Float32Array, columns: number): Float32Array {
  const margin = new Float32Array(MARGIN * columns).fill(Number.NaN);
  return Float32Array.of(...margin, ...values, ...margin);
}

function operandsOf({ rows, k, n }: Shape) {
  const x = float32(uniforms(rows, rows * k));
  const w = float32(uniforms(k + 100, k * n));
  const b = float32(uniforms(n + 200, n));
  const dy = float32(uniforms(n + 300, rows * n));
  return { x, w, b, dy };
}

const forwardCases = SHAPES.map((shape) => {
  const { rows, k, n } = shape;
  const { x, w, b } = operandsOf(shape);
  const sums = matmulForward(x, w, b, rows, k, n);
  return { shape, x, w, b, sums, tolerance: matmulForwardTolerance(x, w, b, rows, k, n) };
});

const backwardCases = SHAPES.map((shape) => {
  const { rows, k, n } = shape;
  const { w, b, dy } = operandsOf(shape);
  const dx = matmulBackwardInput(dy, w, rows, k, n);
  return { shape, w, b, dy, dx, tolerance: matmulBackwardInputTolerance(dy, w, rows, k, n) };
});

/** Both activations have slopes of at most 1, so that they pass on no more error than they get. */
const activations = [
  { name: "none", twin: (sums: Float64Array) => sums, ownError: 0 },
  { name: "relu", twin: reluForward, ownError: 0 },
  { name: "tanh", twin: tanhForward, ownError: GREATEST_ERROR.tanh },
] as const;

/** All of x · W + b; the rows are the middle ones of larger matrices. */
function forward(
  memory: KernelMemory,
  { rows, k, n }: Shape,
  x: Float32Array,
  weights: Panels,
  activation: number,
  tile: number,
): Panels {
  const inputs = memory.put(surrounded(x, k), rows + 2 * MARGIN, k);
  const y = memory.room(rows + 2 * MARGIN, n, 5);
  const offset = MARGIN * ROW_BYTES;
  const { linear } = memory.kernels;
  const [to, from] = [y.at + offset, inputs.at + offset];
  linear(to, y.stride, from, inputs.stride, weights.at, rows, y.panels, k, activation, tile);
  return y;
}

describe.each(await openBuilds())("$file", ({ memory }) => {
  describe.each(Object.entries(TILES))("tile %s", (_, tile) => {
    test.each(activations)("linear, activation $name", ({ name, twin, ownError }) => {
      for (const { shape, x, w, b, sums, tolerance } of forwardCases) {
        const { rows, k, n } = shape;
        memory.reset();
        const y = forward(memory, shape, x, memory.putWeights(w, b, k, n), ACTIVATIONS[name], tile);
        const result = rowsOf(y, MARGIN, rows);
        expect(memory.get(result), nameOf(shape)).toBeAllClose(twin(sums), {
          rtol: 0,
          atol: tolerance.map((bound) => bound + ownError),
          shape: [rows, n],
        });
        expect(memory.padding(result).every((value) => value === 0)).toBe(true);
        expect(memory.strays(y, MARGIN, rows), "rows of others").toBe(0);
      }
    });

    test("linearBackwardInput", () => {
      for (const { shape, w, b, dy, dx, tolerance } of backwardCases) {
        const { rows, k, n } = shape;
        memory.reset();
        const weights = memory.putWeights(w, b, k, n);
        // dyᵀ as [blocks of 16 rows][n][16] is what panels are of the transpose
        const dyT = memory.put(float32(transpose(dy, rows, n)), n, rows);
        const whole = panelsOf(k) * LANES;
        const dxT = memory.room(whole, rows, 5);
        const { linearBackwardInput } = memory.kernels;
        linearBackwardInput(dxT.at, dxT.stride, dyT.at, dyT.stride, weights.at, dxT.panels, k, n, tile);
        const result = transpose(memory.get(rowsOf(dxT, 0, k)), k, rows);
        expect(result, nameOf(shape)).toBeAllClose(dx, { rtol: 0, atol: tolerance, shape: [rows, k] });
        const padding = memory.get(rowsOf(dxT, k, whole - k));
        expect(
          padding.every((value) => value === 0),
          "rows that pad k",
        ).toBe(true);
        expect(
          memory.padding(dxT).every((value) => value === 0),
          "rows that pad the batch",
        ).toBe(true);
        expect(memory.strays(dxT), "the next block").toBe(0);
      }
    });

    test("no bias reaches linearBackwardInput", () => {
      memory.reset();
      const weights = memory.putWeights(uniforms(1, 20 * 33), new Array(33).fill(Number.NaN), 20, 33);
      const dyT = memory.put(uniforms(2, 33 * 5), 33, 5);
      const dxT = memory.room(32, 5);
      const { linearBackwardInput } = memory.kernels;
      linearBackwardInput(dxT.at, dxT.stride, dyT.at, dyT.stride, weights.at, 1, 20, 33, tile);
      expect(memory.get(dxT).some(Number.isNaN)).toBe(false);
    });

    test("a row of NaN stays NaN and stays alone; infinities are those of the twin", () => {
      const shape = { rows: 13, k: 17, n: 18 };
      const { x, w, b } = operandsOf(shape);
      x[3 * 17 + 5] = Number.NaN;
      x[8 * 17 + 16] = Number.POSITIVE_INFINITY;
      x[12 * 17] = Number.NEGATIVE_INFINITY;
      const sums = matmulForward(x, w, b, 13, 17, 18);
      for (const { name, twin } of activations) {
        memory.reset();
        const y = forward(memory, shape, x, memory.putWeights(w, b, 17, 18), ACTIVATIONS[name], tile);
        const result = memory.get(rowsOf(y, MARGIN, 13));
        expect(result, name).toBeAllClose(twin(sums), { rtol: 0, atol: 1e-5, shape: [13, 18] });
      }
    });
  });
});
