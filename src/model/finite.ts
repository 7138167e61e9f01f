import { DivergedError } from "../errors.ts";

/**
 * The index of the first number that is not finite, or -1. A callback per number would take most of a cold start.
 *
 * @internal
 */
export function findNotFinite(values: Float32Array | Float64Array): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}

/**
 * @param what a model has computed, `width` numbers for each row
 * @throws {DivergedError} when one is not finite
 *
 * @internal
 */
export function expectFinite(what: string, values: Float32Array | Float64Array, width: number): void {
  const bad = findNotFinite(values);
  if (bad < 0) return;
  throw new DivergedError({
    setting: `${what} of row ${Math.floor(bad / width)}`,
    expected: "a finite number",
    found: String(values[bad]),
    remedy: "scale the data, or use weights from before the loss diverged",
  });
}
