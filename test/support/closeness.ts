/** How near is near: |actual − expected| ≤ atol + rtol · |expected|, element by element. */
export interface Closeness {
  readonly rtol: number;
  /** One number for all elements, or one for each (as the bounds that follow from a GEMM's operands). */
  readonly atol: number | ArrayLike<number>;
  /** Row-major shape of both arrays; with it the message gives coordinates instead of a flat index. */
  readonly shape?: readonly number[];
}

/** The same numbers; 0 and −0 are equal, and so are NaN and NaN. */
export const EXACT: Closeness = { rtol: 0, atol: 0 };

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

/** The element that overshoots its tolerance most, and how many overshoot it. */
export interface Worst {
  readonly index: number;
  readonly mismatches: number;
  readonly error: number;
  readonly tolerance: number;
}

/** Compares arrays of the same length. */
export function worstOf(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { rtol, atol }: Closeness,
): Worst {
  const toleranceAt = (i: number): number =>
    (typeof atol === "number" ? atol : atol[i]) + rtol * Math.abs(expected[i]);
  let mismatches = 0;
  let index = 0;
  let most = -1;
  for (let i = 0; i < expected.length; i++) {
    // the same number overshoots nothing; to say so at once is what makes long comparisons of bits quick
    if (most >= 0 && actual[i] === expected[i]) continue;
    const over = overshoot(actual[i], expected[i], toleranceAt(i));
    if (over > 1) mismatches++;
    if (over > most) [most, index] = [over, i];
  }
  const error = Math.abs(actual[index] - expected[index]);
  return { index, mismatches, error, tolerance: toleranceAt(index) };
}

/** Why arrays are not close, in words; undefined where they are. */
export function whyNotClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  closeness: Closeness,
): string | undefined {
  const { rtol, atol, shape } = closeness;
  const count = expected.length;
  if (actual.length !== count) return `expected ${count} elements, found ${actual.length}`;
  const size = shape?.reduce((product, side) => product * side, 1);
  if (size !== undefined && size !== count) {
    return `the shape [${shape?.join(", ")}] holds ${size} elements, the arrays hold ${count}`;
  }
  if (typeof atol !== "number" && atol.length !== count) {
    return `expected ${count} tolerances, found ${atol.length}`;
  }
  const { index, mismatches, error, tolerance } = worstOf(actual, expected, closeness);
  if (mismatches === 0) return undefined;
  return [
    `${mismatches} of ${count} elements are too far off, shape ${shapeText(count, shape)}`,
    `  worst at ${shape ? coordinates(index, shape) : `[${index}]`}`,
    `  actual     ${actual[index]}`,
    `  expected   ${expected[index]}`,
    `  difference ${error}`,
    `  tolerance  ${tolerance} (atol ${typeof atol === "number" ? atol : atol[index]}, rtol ${rtol})`,
  ].join("\n");
}

export function shapeText(count: number, shape: readonly number[] = [count]): string {
  return `[${shape.join(", ")}]`;
}
