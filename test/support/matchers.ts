import { expect } from "vitest";

/** How near is near: |actual − expected| ≤ atol + rtol · |expected|, element by element. */
export interface Closeness {
  readonly rtol: number;
  /** One number for all elements, or one for each (as the bounds that follow from a GEMM's operands). */
  readonly atol: number | ArrayLike<number>;
  /** Row-major shape of both arrays; with it the message gives coordinates instead of a flat index. */
  readonly shape?: readonly number[];
}

declare module "vitest" {
  // The type parameter must be spelt as vitest spells it, or the two declarations do not merge.
  interface Matchers<T> {
    /**
     * Every element lies within `atol + rtol · |expected|` of its expected one.
     * NaN, +∞ and −∞ are near to themselves only; arrays of different lengths are never near.
     */
    toBeAllClose(expected: ArrayLike<number>, closeness: Closeness): void;
  }
}

interface Outcome {
  readonly pass: boolean;
  readonly message: () => string;
}

function isArrayOfNumbers(value: unknown): value is ArrayLike<number> {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "length") === "number";
}

/** Row-major coordinates of a flat index, as `[i, j]`. */
function coordinates(index: number, shape: readonly number[]): string {
  const parts: number[] = [];
  let rest = index;
  for (const size of shape.toReversed()) {
    parts.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return `[${parts.join(", ")}]`;
}

/**
 * How far an element overshoots its tolerance, as a multiple of it: at most 1 is near enough. Infinite where no
 * tolerance could help: the element or its expected value is not finite and they differ, or the tolerance is 0.
 */
function overshoot(actual: number, expected: number, tolerance: number): number {
  if (Object.is(actual, expected) || actual === expected) return 0;
  if (!Number.isFinite(actual) || !Number.isFinite(expected)) return Number.POSITIVE_INFINITY;
  const ratio = Math.abs(actual - expected) / tolerance;
  return Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : ratio;
}

function fail(text: string): Outcome {
  return { pass: false, message: () => text };
}

/** The comparison behind the matcher, a plain function so that its own tests can read the message. */
export function compareAllClose(
  actual: unknown,
  expected: ArrayLike<number>,
  { rtol, atol, shape }: Closeness,
): Outcome {
  if (!isArrayOfNumbers(actual)) return fail(`expected an array of numbers, found ${String(actual)}`);
  const count = expected.length;
  if (actual.length !== count) return fail(`expected ${count} elements, found ${actual.length}`);
  const size = shape?.reduce((product, side) => product * side, 1);
  if (size !== undefined && size !== count) {
    return fail(`the shape [${shape?.join(", ")}] holds ${size} elements, the arrays hold ${count}`);
  }
  if (typeof atol !== "number" && atol.length !== count) {
    return fail(`expected ${count} tolerances, found ${atol.length}`);
  }
  const toleranceAt = (i: number): number =>
    (typeof atol === "number" ? atol : atol[i]) + rtol * Math.abs(expected[i]);

  let mismatches = 0;
  let worst = 0;
  let worstOvershoot = -1;
  for (let i = 0; i < count; i++) {
    const over = overshoot(actual[i], expected[i], toleranceAt(i));
    if (over > 1) mismatches++;
    if (over > worstOvershoot) {
      worstOvershoot = over;
      worst = i;
    }
  }
  const place = shape ? coordinates(worst, shape) : `[${worst}]`;
  const shapeText = `[${(shape ?? [count]).join(", ")}]`;
  if (mismatches === 0) {
    return {
      pass: true,
      message: () => `expected arrays of shape ${shapeText} to differ, and they are near everywhere`,
    };
  }
  return fail(
    [
      `${mismatches} of ${count} elements are too far off, shape ${shapeText}`,
      `  worst at ${place}`,
      `  actual     ${actual[worst]}`,
      `  expected   ${expected[worst]}`,
      `  difference ${Math.abs(actual[worst] - expected[worst])}`,
      `  tolerance  ${toleranceAt(worst)} (atol ${typeof atol === "number" ? atol : atol[worst]}, rtol ${rtol})`,
    ].join("\n"),
  );
}

expect.extend({
  toBeAllClose(actual: unknown, expected: ArrayLike<number>, closeness: Closeness): Outcome {
    return compareAllClose(actual, expected, closeness);
  },
});
