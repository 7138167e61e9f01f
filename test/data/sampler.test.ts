import { expect, test } from "vitest";
import { epochOrder, rowsInStep, rowsInSteps, stepsPerEpoch } from "../../src/data/sampler.ts";

test("an epoch visits every row once, in an order of its own", () => {
  const order = epochOrder(1000, 0, 0);
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect(epochOrder(1000, 0, 0)).toEqual(order);
  expect(epochOrder(1000, 0, 1)).not.toEqual(order);
});

test.each([
  [60_000, 128, 469, 96],
  [128, 128, 1, 128],
  [129, 128, 2, 1],
  [127, 128, 1, 127],
  [5, 1, 5, 1],
])("%i rows in batches of %i: %i steps, the last of %i", (count, batchSize, steps, last) => {
  expect(stepsPerEpoch(count, batchSize)).toBe(steps);
  const sizes = Array.from({ length: steps }, (_, step) => rowsInStep(count, batchSize, step));
  expect(sizes.at(-1)).toBe(last);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(count);
  expect(rowsInStep(count, batchSize, steps)).toBe(0);
  for (const through of [1, steps - 1, steps, steps + 1, 3 * steps, 3 * steps + 2]) {
    let rows = 0;
    for (let step = 0; step < through; step++) rows += rowsInStep(count, batchSize, step % steps);
    expect(rowsInSteps(count, batchSize, through)).toBe(rows);
  }
});
