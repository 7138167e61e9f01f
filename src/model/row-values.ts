import { ConfigError } from "../errors.ts";
import type { VaeConfig } from "./config.ts";
import { LIKELIHOODS } from "./likelihoods.ts";

/** Rows of data, row-major: float32 in [0, 1], or bytes that stand for value / 255. */
export type RowValues = Float32Array | Uint8Array;

/**
 * @throws {ConfigError} when they are something else than `RowValues`
 *
 * @internal
 */
export function expectValues(setting: string, values: unknown): asserts values is RowValues {
  if (values instanceof Float32Array || values instanceof Uint8Array) return;
  const found = Object.prototype.toString.call(values).slice("[object ".length, -1);
  throw new ConfigError({ setting, expected: "a Float32Array or a Uint8Array (row-major)", found });
}

/**
 * Rows in `values`.
 *
 * @throws {ConfigError} when they are no whole rows
 *
 * @internal
 */
export function countRows(what: string, values: ArrayLike<number>, width: number): number {
  if (values.length % width === 0) return values.length / width;
  const [expected, found] = [`${width} numbers each`, `${values.length} numbers in all`];
  throw new ConfigError({ setting: what, expected, found });
}

/**
 * @param of what the rows are, in an error: " of the training rows"
 * @throws {ConfigError} when a number is outside what the model's likelihood describes
 *
 * @internal
 */
export function expectSupport(
  of: string,
  values: RowValues,
  { inputDim, likelihood }: Pick<VaeConfig, "inputDim" | "likelihood">,
): void {
  if (values instanceof Uint8Array) return;
  const { support, values: words } = LIKELIHOODS[likelihood];
  const [least, most] = support;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value >= least && value <= most) continue;
    const setting = `row ${Math.floor(i / inputDim)}${of}`;
    throw new ConfigError({ setting, expected: `${words} (${likelihood} likelihood)`, found: String(value) });
  }
}

/**
 * What a value takes in memory, in bytes.
 *
 * @internal
 */
export function bytesPerValue(values: RowValues): 1 | 4 {
  return values instanceof Uint8Array ? 1 : 4;
}

/**
 * Copies rows into a memory as the type that they have, at a byte offset.
 *
 * @internal
 */
export function placeRows(values: RowValues, buffer: ArrayBufferLike, at: number): void {
  const Values: typeof Float32Array | typeof Uint8Array =
    values instanceof Uint8Array ? Uint8Array : Float32Array;
  new Values(buffer as ArrayBuffer, at, values.length).set(values);
}
