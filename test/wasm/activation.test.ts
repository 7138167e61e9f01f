import { describe, test } from "vitest";
import { checkCase } from "../cases/case.ts";
import { ELEMENTWISE, elementwise } from "../cases/elementwise.ts";
import { EXACT } from "../support/closeness.ts";
import { openBuilds } from "../support/kernel-memory.ts";
import { EDGES } from "./shapes.ts";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

const SIZES = [...EDGES.map((rows) => [rows, 34] as const), ...EDGES.map((columns) => [5, columns] as const)];

describe.each(await openBuilds())("$file", ({ memory }) => {
  describe.each(ELEMENTWISE)("%s", (kernel) => {
    test.each(SIZES)("%i rows of %i", (rows, columns) => {
      checkCase(memory, elementwise(kernel, rows, columns));
    });
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
