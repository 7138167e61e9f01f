import { describe, expect, test } from "vitest";
import { PURPOSE } from "../../src/random/purpose.ts";
import { checkCase } from "../cases/case.ts";
import { normal, type Place, uniform } from "../cases/random.ts";
import { openBuilds } from "../support/kernel-memory.ts";

/** Columns around a block of four, a panel of sixteen, and two. */
const COLUMNS = [1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 67] as const;
const ROWS = 5;

/** Ordinary places, and the ends of every word of the counter and of the key. */
const PLACES: readonly Place[] = [
  { row: 0, step: 0, purpose: PURPOSE.init, seed: 0 },
  { row: 7, step: 3, purpose: PURPOSE.noise, seed: 1 },
  { row: 59_999, step: 0x7fffffff, purpose: PURPOSE.evaluation, seed: 0xffffffff },
  { row: 0x7ffffff0, step: 0x80000000, purpose: PURPOSE.sample, seed: 2 ** 32 },
  { row: 2 ** 24, step: 0xffffffff, purpose: PURPOSE.digits, seed: Number.MAX_SAFE_INTEGER },
];

describe.each(await openBuilds())("$file", ({ memory }) => {
  test.each(COLUMNS)(
    "philoxUniform, %i columns: the words of the TypeScript twin, bit for bit",
    (columns) => {
      // with a bound of 1 no number is rounded
      for (const place of PLACES) checkCase(memory, uniform(ROWS - 1, columns, 1, place));
    },
  );

  test("philoxUniform: any bound, never past it", () => {
    for (const bound of [Math.fround(1 / Math.sqrt(784)), Math.fround(0.3), 2]) {
      const [{ found }] = checkCase(memory, uniform(ROWS - 1, 67, bound, PLACES[1]));
      expect(Array.from(found).every((value) => value >= -bound && value < bound)).toBe(true);
    }
  });

  test.each(COLUMNS)("philoxNormal, %i columns", (columns) => {
    for (const place of PLACES) checkCase(memory, normal(ROWS, columns, place));
  });

  test("moments of 400 000 normals", () => {
    memory.reset();
    const [rows, columns] = [25_000, 16];
    const out = memory.room(rows, columns);
    const draws = { key: [1, 0] as const, purpose: PURPOSE.noise, step: 0, row: 0 };
    memory.kernels().normal(out, columns, [0, rows], draws);
    const values = memory.read(out);
    const mean = (f: (value: number) => number): number =>
      values.reduce((sum, value) => sum + f(value), 0) / values.length;
    // six standard errors: the variances of x, x² and x⁴ are 1, 2 and 96
    const sixSigma = 6 / Math.sqrt(values.length);
    expect(Math.abs(mean((x) => x))).toBeLessThan(sixSigma);
    expect(Math.abs(mean((x) => x * x) - 1)).toBeLessThan(sixSigma * Math.sqrt(2));
    expect(Math.abs(mean((x) => x ** 4) - 3)).toBeLessThan(sixSigma * Math.sqrt(96));
  });
});
