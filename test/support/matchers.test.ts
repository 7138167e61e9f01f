import { expect, test } from "vitest";
import { compareAllClose } from "./matchers.ts";

const exact = { rtol: 0, atol: 0 };

test("near is |actual − expected| ≤ atol + rtol · |expected|", () => {
  expect([1, 2]).toBeAllClose([1, 2], exact);
  expect([1.5]).toBeAllClose([1], { rtol: 0, atol: 0.5 });
  expect([3]).toBeAllClose([2], { rtol: 0.5, atol: 0 });
  expect([1.51]).not.toBeAllClose([1], { rtol: 0, atol: 0.5 });
  expect(new Float32Array([0.5])).toBeAllClose(new Float64Array([0.5]), exact);
  expect([]).toBeAllClose([], exact);
});

test("a tolerance for each element", () => {
  expect([1, 5]).toBeAllClose([1, 4], { rtol: 0, atol: [0, 1] });
  expect([2, 4]).not.toBeAllClose([1, 4], { rtol: 0, atol: [0, 1] });
});

test("zeros of either sign are the same number", () => {
  expect([0, -0]).toBeAllClose([-0, 0], exact);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
  "%d is near to itself only",
  (odd) => {
    const loose = { rtol: 10, atol: Number.POSITIVE_INFINITY };
    expect([odd]).toBeAllClose([odd], exact);
    for (const other of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1]) {
      if (Object.is(odd, other)) continue;
      expect([odd]).not.toBeAllClose([other], loose);
      expect([other]).not.toBeAllClose([odd], loose);
    }
  },
);

test("lengths, shapes and kinds that do not fit are never near", () => {
  expect([1, 2]).not.toBeAllClose([1], exact);
  expect([1, 2, 3]).not.toBeAllClose([1, 2, 3], { ...exact, shape: [2, 2] });
  expect(undefined).not.toBeAllClose([1], exact);
  expect([1, 2]).not.toBeAllClose([1, 2], { rtol: 0, atol: [1] });
});

test("the message names count, worst element, both values, tolerance and shape", () => {
  const result = compareAllClose([1, 2, 3, 4, 5, 7], [1, 2, 3.5, 4, 5, 6], {
    rtol: 0,
    atol: 0.25,
    shape: [2, 3],
  });
  expect(result.pass).toBe(false);
  const message = result.message();
  expect(message).toContain("2 of 6");
  expect(message).toContain("shape [2, 3]");
  expect(message).toContain("worst at [1, 2]");
  expect(message).toMatch(/actual +7\n/);
  expect(message).toMatch(/expected +6\n/);
  expect(message).toContain("0.25");
});
