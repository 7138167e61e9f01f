import { expect, test } from "vitest";
import { normalQuantile, priorGrid } from "../../src/report/quantiles.ts";

// Roots of Φ(z) = p found in 60 digits (Newton's method on erfc), for the exact value of each double p. They lie in the
// middle, on both sides of the seams (|p − ½| = 0.425 and √(−ln p) = 5), and far out.
const KNOWN: ReadonlyArray<readonly [p: number, z: number]> = [
  [0.6, 0.2533471031357997],
  [0.3, -0.5244005127080408],
  [0.925, 1.4395314709384561],
  [0.9251, 1.440238267527964],
  [0.0749, -1.4402382675279637],
  [0.975, 1.9599639845400538],
  [0.025, -1.9599639845400543],
  [0.001, -3.0902323061678136],
  [0.9999999, 5.199337582290661],
  [1e-10, -6.361340902404057],
  [1.3e-11, -6.667611456510741],
  [1e-12, -7.034483825301132],
  [1e-20, -9.262340089798407],
  [1e-100, -21.273453560965326],
  [1e-300, -37.0470962993612],
];

test("the quantile is right to a relative 1e-15", () => {
  for (const [p, z] of KNOWN) expect(Math.abs(normalQuantile(p) / z - 1), `p = ${p}`).toBeLessThan(1e-15);
  expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 15);
  expect(normalQuantile(0.5)).toBe(0);
});

test("the quantile is odd about ½ and never falls", () => {
  for (let i = 1; i < 512; i++) expect(normalQuantile(i / 1024)).toBe(-normalQuantile(1 - i / 1024));
  let previous = Number.NEGATIVE_INFINITY;
  for (let i = 1; i <= 100_000; i++) {
    const z = normalQuantile(i / 100_000);
    if (!(z > previous)) expect(z).toBeGreaterThan(previous);
    previous = z;
  }
});

test("the quantile has its limits", () => {
  expect(normalQuantile(0)).toBe(Number.NEGATIVE_INFINITY);
  expect(normalQuantile(1)).toBe(Number.POSITIVE_INFINITY);
  expect(normalQuantile(5e-324) / -38.467405617144344).toBeCloseTo(1, 14);
  for (const p of [-1e-9, 1.000001, Number.NaN, Number.POSITIVE_INFINITY])
    expect(normalQuantile(p)).toBeNaN();
});

test("the grid has z₁ to the right and z₂ upward", () => {
  const side = 20;
  const grid = priorGrid(side);
  const at = (row: number, col: number) => [
    ...grid.subarray((row * side + col) * 2, (row * side + col) * 2 + 2),
  ];
  const end = Math.fround(normalQuantile(0.975)); // (19 + ½) / 20
  expect(grid.length).toBe(800);
  expect(at(0, 0)).toEqual([-end, end]);
  expect(at(0, 19)).toEqual([end, end]);
  expect(at(19, 0)).toEqual([-end, -end]);
  expect(at(19, 19)).toEqual([end, -end]);
  expect(at(7, 3)).toEqual([Math.fround(normalQuantile(3.5 / 20)), Math.fround(normalQuantile(12.5 / 20))]);
  expect([...priorGrid(1)]).toEqual([0, 0]);
  expect(priorGrid(0).length).toBe(0);
});
