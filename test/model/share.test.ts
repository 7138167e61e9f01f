import { describe, expect, test } from "vitest";
import { share, shareByCost } from "../../src/model/share.ts";
import { uniforms } from "../support/uniforms.ts";

type Part = readonly [from: number, to: number];

function expectWhole(parts: readonly Part[], count: number): void {
  expect(parts[0][0]).toBe(0);
  expect(parts.at(-1)![1]).toBe(count);
  for (let i = 1; i < parts.length; i++) expect(parts[i][0]).toBe(parts[i - 1][1]);
  for (const [from, to] of parts) expect(from).toBeLessThanOrEqual(to);
}

const SIZES = [1, 2, 3, 5, 16, 64];

describe.each(SIZES)("among %i", (size) => {
  test.each([0, 1, 2, 7, 16, 100])(
    "share of %i: all of it, once, parts that differ by one at most",
    (count) => {
      const parts = Array.from({ length: size }, (_, rank) => share(count, rank, size));
      expectWhole(parts, count);
      const sizes = parts.map(([from, to]) => to - from);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    },
  );

  test.each([0, 1, 2, 7, 49])("shareByCost of %i: all of it, once, no part far above its due", (count) => {
    const costs = [...uniforms(count + 1, count, 0.1, 1)];
    const parts = Array.from({ length: size }, (_, rank) => shareByCost(costs, rank, size));
    expectWhole(parts, count);
    const total = costs.reduce((sum, cost) => sum + cost, 0);
    for (const [from, to] of parts) {
      const cost = costs.slice(from, to).reduce((sum, one) => sum + one, 0);
      // each end is off by half an item at most
      expect(cost).toBeLessThanOrEqual(total / size + 1);
    }
  });
});

test("items that cost nothing are shared out, too", () => {
  const parts = [0, 1, 2].map((rank) => shareByCost([0, 0, 0, 0], rank, 3));
  expectWhole(parts, 4);
});
