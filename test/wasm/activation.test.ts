import { describe, expect, test } from "vitest";
import { bitsOfCase, checkCase, outputsOf } from "../cases/case.ts";
import { ELEMENTWISE, elementwise, siluOperands } from "../cases/elementwise.ts";
import { GREATEST_ERROR } from "../cases/errors.ts";
import { UNIT_ROUNDOFF as u } from "../reference/tolerance.ts";
import { EXACT } from "../support/closeness.ts";
import { bitsOf, openBuilds } from "../support/kernel-memory.ts";
import { EDGES } from "./shapes.ts";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

const SIZES = [...EDGES.map((rows) => [rows, 34] as const), ...EDGES.map((columns) => [5, columns] as const)];

describe.each(await openBuilds())("$file", ({ memory }) => {
  describe.each(ELEMENTWISE)("%s", (kernel) => {
    test.each(SIZES)("%i rows of %i", (rows, columns) => {
      checkCase(memory, elementwise(kernel, rows, columns));
    });
  });

  test.each(SIZES)("silu in place, %i rows of %i: the same bits", (rows, columns) => {
    const expected = bitsOfCase(memory, elementwise("silu", rows, columns), "4x8");
    memory.reset();
    const x = memory.putSlice(siluOperands(rows, columns).from, rows, columns);
    memory.kernels().elementwise("silu", x, x, x.range);
    expect(bitsOf(Float64Array.from(memory.read(x.own)))).toEqual(expected);
  });

  test("silu of ±0, huge numbers, ±∞ and NaN", () => {
    const from = [0, -0, 3e38, -3e38, infinity, -infinity, nan, 200, -200];
    const to = new Array(9).fill(1);
    const [y] = outputsOf(memory, elementwise("silu", 1, 9, { to, from }));
    const [slopes] = outputsOf(memory, elementwise("siluBackward", 1, 9, { to, from }));
    const atol = GREATEST_ERROR.siluFarLeft;
    expect(slopes).toBeAllClose([0.5, 0.5, 1, 0, 1, 0, nan, 1, 0], { rtol: 0, atol });
    expect(y).toBeAllClose([0, -0, 3e38, 0, infinity, 0, nan, 200, 0], { rtol: u, atol });
    expect([y[0], y[1]]).toEqual([0, -0]);
  });

  test("reluBackward at the kink, at ±∞ and NaN, as its twin", () => {
    const [to, from] = [
      [1, 2, 3, nan, 5, nan, -infinity],
      [0, -0, infinity, 1, nan, 0, 2],
    ];
    checkCase(memory, elementwise("reluBackward", 1, 7, { to, from }), "4x8", EXACT);
  });

  test("tanhBackward of NaN is NaN, where tanh is flat it is exactly 0", () => {
    const [to, from] = [
      [nan, 1, 3, -3],
      [0.5, nan, 1, -1],
    ];
    checkCase(memory, elementwise("tanhBackward", 1, 4, { to, from }), "4x8", EXACT);
  });
});
