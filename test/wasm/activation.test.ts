import { describe, expect, test } from "vitest";
import { reluBackward, siluBackward, siluForward, tanhBackward } from "../reference/activation.ts";
import { UNIT_ROUNDOFF as u } from "../reference/tolerance.ts";
import {
  bitsOf,
  float32,
  type KernelMemory,
  openBuilds,
  type Panels,
  rowsOf,
} from "../support/kernel-memory.ts";
import { uniforms } from "../support/uniforms.ts";
import { GREATEST_ERROR } from "./errors.ts";
import { EDGES } from "./shapes.ts";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

/** Rows of others above and below. */
const MARGIN = 2;
const SIZES = [...EDGES.map((rows) => [rows, 34] as const), ...EDGES.map((columns) => [5, columns] as const)];

interface Matrices {
  readonly whole: Panels;
  readonly dy: Panels;
  readonly y: Panels;
}

function put(
  memory: KernelMemory,
  dy: ArrayLike<number>,
  y: ArrayLike<number>,
  rows: number,
  columns: number,
): Matrices {
  memory.reset();
  const [whole, outputs] = [0, 1].map(() => memory.room(rows + 2 * MARGIN, columns));
  const matrices = { whole, dy: rowsOf(whole, MARGIN, rows), y: rowsOf(outputs, MARGIN, rows) };
  memory.write(matrices.dy, dy);
  memory.write(matrices.y, y);
  return matrices;
}

describe.each(await openBuilds())("$file", ({ memory }) => {
  test.each(SIZES)("reluBackward, %i rows of %i: exact", (rows, columns) => {
    const delta = float32(uniforms(rows, rows * columns));
    const output = float32(uniforms(columns, rows * columns).map((value) => Math.max(0, value)));
    const { whole, dy, y } = put(memory, delta, output, rows, columns);
    memory.kernels.reluBackward(dy.at, y.at, y.stride, rows, y.panels);
    const expected = reluBackward(delta, output);
    expect(memory.get(dy)).toBeAllClose(expected, { rtol: 0, atol: 0, shape: [rows, columns] });
    expect(memory.padding(dy).every((value) => value === 0)).toBe(true);
    expect(memory.strays(whole, MARGIN, rows)).toBe(0);
  });

  test.each(SIZES)("tanhBackward, %i rows of %i", (rows, columns) => {
    const delta = float32(uniforms(rows + 50, rows * columns, -3, 3));
    const output = float32(uniforms(columns + 50, rows * columns));
    output[0] = 1;
    const { whole, dy, y } = put(memory, delta, output, rows, columns);
    memory.kernels.tanhBackward(dy.at, y.at, y.stride, rows, y.panels);
    const expected = tanhBackward(delta, output);
    expect(memory.get(dy)).toBeAllClose(expected, {
      rtol: u,
      // y² and the difference round once each; what they lose does not shrink with the difference
      atol: Float64Array.from(delta, (value) => 2 * u * Math.abs(value)),
      shape: [rows, columns],
    });
    expect(memory.padding(dy).every((value) => value === 0)).toBe(true);
    expect(memory.strays(whole, MARGIN, rows)).toBe(0);
  });

  test.each(SIZES)("silu and siluBackward, %i rows of %i", (rows, columns) => {
    const input = float32(uniforms(columns + 60, rows * columns, -9, 9));
    const delta = float32(uniforms(rows + 60, rows * columns, -3, 3));
    const { whole, dy: y, y: x } = put(memory, delta, input, rows, columns);
    const { silu, siluBackward: backward } = memory.kernels;
    silu(y.at, x.at, x.stride, rows, x.panels);
    const forward = memory.get(y);
    expect(forward).toBeAllClose(siluForward(input), { rtol: GREATEST_ERROR.silu, atol: 0 });
    memory.write(y, delta);
    backward(y.at, x.at, x.stride, rows, x.panels);
    expect(memory.get(y)).toBeAllClose(siluBackward(delta, input), {
      rtol: u,
      atol: Float64Array.from(delta, (value) => GREATEST_ERROR.siluSlope * Math.abs(value)),
      shape: [rows, columns],
    });
    expect(memory.padding(y).every((value) => value === 0)).toBe(true);
    expect(memory.strays(whole, MARGIN, rows)).toBe(0);
    silu(x.at, x.at, x.stride, rows, x.panels);
    expect(bitsOf(memory.get(x)), "in place").toEqual(bitsOf(forward));
  });

  test("silu of ±0, huge numbers, ±∞ and NaN", () => {
    const input = [0, -0, 3e38, -3e38, infinity, -infinity, nan, 200, -200];
    const { dy, y: x } = put(memory, new Float32Array(9).fill(1), input, 1, 9);
    const { silu, siluBackward: backward } = memory.kernels;
    backward(dy.at, x.at, x.stride, 1, 1);
    const atol = GREATEST_ERROR.siluFarLeft;
    expect(memory.get(dy)).toBeAllClose([0.5, 0.5, 1, 0, 1, 0, nan, 1, 0], { rtol: 0, atol });
    silu(x.at, x.at, x.stride, 1, 1);
    const y = memory.get(x);
    expect(y).toBeAllClose([0, -0, 3e38, 0, infinity, 0, nan, 200, 0], { rtol: u, atol });
    expect([y[0], y[1]]).toEqual([0, -0]);
  });

  test("reluBackward at the kink, at ±∞ and NaN, as its twin", () => {
    const delta = [1, 2, 3, nan, 5, nan, -infinity];
    const output = [0, -0, infinity, 1, nan, 0, 2];
    const { dy, y } = put(memory, delta, output, 1, 7);
    memory.kernels.reluBackward(dy.at, y.at, y.stride, 1, 1);
    const expected = reluBackward(delta, output);
    expect(memory.get(dy)).toBeAllClose(expected, { rtol: 0, atol: 0 });
  });

  test("tanhBackward of NaN is NaN, where tanh is flat it is exactly 0", () => {
    const { dy, y } = put(memory, [nan, 1, 3, -3], [0.5, nan, 1, -1], 1, 4);
    memory.kernels.tanhBackward(dy.at, y.at, y.stride, 1, 1);
    expect(memory.get(dy)).toBeAllClose([nan, nan, 0, 0], { rtol: 0, atol: 0 });
  });
});
