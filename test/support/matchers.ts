import { expect } from "vitest";
import { type Closeness, shapeText, whyNotClose } from "./closeness.ts";

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

/** The comparison behind the matcher, a plain function so that its own tests can read the message. */
export function compareAllClose(actual: unknown, expected: ArrayLike<number>, closeness: Closeness): Outcome {
  const why = isArrayOfNumbers(actual)
    ? whyNotClose(actual, expected, closeness)
    : `expected an array of numbers, found ${String(actual)}`;
  const differ = `expected arrays of shape ${shapeText(expected.length, closeness.shape)} to differ`;
  return { pass: why === undefined, message: () => why ?? `${differ}, and they are near everywhere` };
}

expect.extend({
  toBeAllClose(actual: unknown, expected: ArrayLike<number>, closeness: Closeness): Outcome {
    return compareAllClose(actual, expected, closeness);
  },
});
