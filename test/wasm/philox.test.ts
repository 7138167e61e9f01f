import { describe, expect, test } from "vitest";
import { normals } from "../../src/random/normal.ts";
import { philox, seedKey } from "../../src/random/philox.ts";
import { PURPOSE, type Purpose } from "../../src/random/purpose.ts";
import { type KernelMemory, openBuilds, type Panels, rowsOf } from "../support/kernel-memory.ts";
import { GREATEST_ERROR } from "./errors.ts";

/** Columns around a block of four, a panel of sixteen, and two. */
const COLUMNS = [1, 3, 4, 5, 15, 16, 17, 31, 32, 33, 67] as const;
const ROWS = 5;
const MARGIN = 2;

interface Place {
  readonly row: number;
  readonly step: number;
  readonly purpose: Purpose;
  readonly seed: number;
}

/** Ordinary places, and the ends of every word of the counter and of the key. */
const PLACES: readonly Place[] = [
  { row: 0, step: 0, purpose: PURPOSE.init, seed: 0 },
  { row: 7, step: 3, purpose: PURPOSE.noise, seed: 1 },
  { row: 59_999, step: 0x7fffffff, purpose: PURPOSE.evaluation, seed: 0xffffffff },
  { row: 0x7ffffff0, step: 0x80000000, purpose: PURPOSE.sample, seed: 2 ** 32 },
  { row: 2 ** 24, step: 0xffffffff, purpose: PURPOSE.digits, seed: Number.MAX_SAFE_INTEGER },
];

function room(memory: KernelMemory, columns: number): readonly [whole: Panels, own: Panels] {
  const whole = memory.room(ROWS + 2 * MARGIN, columns);
  return [whole, rowsOf(whole, MARGIN, ROWS)];
}

function drawNormals(memory: KernelMemory, own: Panels, { row, step, purpose, seed }: Place): void {
  const { at, stride, rows, columns } = own;
  memory.kernels.philoxNormal(at, stride, row, rows, columns, step, purpose, ...seedKey(seed));
}

function drawUniforms(memory: KernelMemory, own: Panels, bound: number, place: Place): void {
  const { at, stride, rows, columns } = own;
  const { step, purpose, seed } = place;
  memory.kernels.philoxUniform(at, stride, rows, columns, bound, step, purpose, ...seedKey(seed));
}

/** The upper 24 bits of the words of rows from 0, which is what a float32 can hold of them. */
function upper24(columns: number, { step, purpose, seed }: Place): Uint32Array {
  const words = new Uint32Array(4);
  return Uint32Array.from({ length: ROWS * columns }, (_, i) => {
    const column = i % columns;
    philox(column >> 2, Math.floor(i / columns), step, purpose, ...seedKey(seed), words);
    return words[column & 3] >>> 8;
  });
}

describe.each(await openBuilds())("$file", ({ memory }) => {
  test.each(COLUMNS)(
    "philoxUniform, %i columns: the words of the TypeScript twin, bit for bit",
    (columns) => {
      for (const place of PLACES) {
        memory.reset();
        const [whole, own] = room(memory, columns);
        // word · 2⁻²³ − 1 is exact
        drawUniforms(memory, own, 1, place);
        const words = memory.get(own).map((value) => (value + 1) * 2 ** 23);
        expect(words).toBeAllClose(upper24(columns, place), { rtol: 0, atol: 0, shape: [ROWS, columns] });
        expect(memory.padding(own).every((value) => value === 0)).toBe(true);
        expect(memory.strays(whole, MARGIN, ROWS)).toBe(0);
      }
    },
  );

  test("philoxUniform: any bound, never past it", () => {
    const columns = 67;
    for (const bound of [Math.fround(1 / Math.sqrt(784)), Math.fround(0.3), 2]) {
      memory.reset();
      const [, own] = room(memory, columns);
      drawUniforms(memory, own, bound, PLACES[1]);
      const values = memory.get(own);
      const expected = Float64Array.from(
        upper24(columns, PLACES[1]),
        (word) => (word * 2 ** -23 - 1) * bound,
      );
      expect(values).toBeAllClose(expected, { rtol: 0, atol: bound * 2 ** -23 });
      expect(values.every((value) => value >= -bound && value < bound)).toBe(true);
    }
  });

  test.each(COLUMNS)("philoxNormal, %i columns", (columns) => {
    for (const place of PLACES) {
      memory.reset();
      const [whole, own] = room(memory, columns);
      drawNormals(memory, own, place);
      const expected = new Float64Array(ROWS * columns);
      for (let r = 0; r < ROWS; r++) {
        const row = expected.subarray(r * columns, (r + 1) * columns);
        normals(place.seed, place.purpose, place.step, place.row + r, row);
      }
      expect(memory.get(own)).toBeAllClose(expected, {
        rtol: 0,
        atol: GREATEST_ERROR.normal,
        shape: [ROWS, columns],
      });
      expect(memory.padding(own).every((value) => value === 0)).toBe(true);
      expect(memory.strays(whole, MARGIN, ROWS)).toBe(0);
    }
  });

  test("moments of 400 000 normals", () => {
    memory.reset();
    const [rows, columns] = [25_000, 16];
    const out = memory.room(rows, columns);
    memory.kernels.philoxNormal(out.at, out.stride, 0, rows, columns, 0, PURPOSE.noise, 1, 0);
    const values = memory.get(out);
    const mean = (f: (value: number) => number): number =>
      values.reduce((sum, value) => sum + f(value), 0) / values.length;
    // six standard errors: the variances of x, x² and x⁴ are 1, 2 and 96
    const sixSigma = 6 / Math.sqrt(values.length);
    expect(Math.abs(mean((x) => x))).toBeLessThan(sixSigma);
    expect(Math.abs(mean((x) => x * x) - 1)).toBeLessThan(sixSigma * Math.sqrt(2));
    expect(Math.abs(mean((x) => x ** 4) - 3)).toBeLessThan(sixSigma * Math.sqrt(96));
  });
});
