import { expect, test } from "vitest";
import { permutation } from "../../src/random/permutation.js";

test.each([0, 1, 2, 3, 4, 5, 127, 128, 129, 60_000])("every index of %i comes once", (n) => {
  const sorted = permutation(n, 3, 1).sort();
  expect(sorted.length).toBe(n);
  expect(sorted.every((value, index) => value === index)).toBe(true);
});
test("pure: same arguments, same order; any other argument, another order", () => {
  const order = permutation(1000, 0, 0);
  expect(permutation(1000, 0, 0, new Uint32Array(1000).fill(7))).toEqual(order);
  expect(permutation(1000, 0, 1)).not.toEqual(order);
  expect(permutation(1000, 1, 0)).not.toEqual(order);
  expect(permutation(1000, 2 ** 32, 0)).not.toEqual(order);
});
test("a given array is filled and returned", () => {
  const out = new Uint32Array(10);
  expect(permutation(10, 0, 0, out)).toBe(out);
});
test("the 24 orders of four are equally likely", () => {
  const draws = 24_000;
  const counts = new Map();
  for (let epoch = 0; epoch < draws; epoch++) {
    const key = permutation(4, 0, epoch).join("");
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect(counts.size).toBe(24);
  let chiSquare = 0;
  for (const count of counts.values()) chiSquare += (count - draws / 24) ** 2 / (draws / 24);
  // The 99.99th percentile of χ² with 23 degrees of freedom.
  expect(chiSquare).toBeLessThan(56.7);
});
