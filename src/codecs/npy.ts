import { ConfigError } from "../errors.ts";
import { elementBytes } from "./dtypes.ts";

/** Data starts at a multiple of this, so that NumPy can map the file into memory. */
const ALIGNMENT = 64;

/**
 * An array as a NumPy file, version 1.0: little-endian float32 or float64 as `values` are, row-major. `numpy.load` gives
 * an array of that shape.
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * @param values the elements of `shape`, row-major.
 * @throws ConfigError if `values` does not hold as many elements as `shape` has.
 */
export function serializeNpy(
  values: Float32Array | Float64Array,
  shape: readonly number[],
): Uint8Array<ArrayBuffer> {
  const count = shape.reduce((product, size) => product * size, 1);
  if (values.length !== count) {
    throw new ConfigError(
      `An array of shape [${shape.join(", ")}] has ${count} elements, but ${values.length} were given.`,
    );
  }
  const descr = values instanceof Float64Array ? "<f8" : "<f4";
  // A tuple of Python's: one element has a comma behind it, more than one may.
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${tuple}), }`;
  const before = 10; // magic, version, header length
  const start = Math.ceil((before + dict.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = `${dict.padEnd(start - before - 1)}\n`;

  const file = new Uint8Array(start + values.byteLength);
  file.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]); // \x93NUMPY, version 1.0
  new DataView(file.buffer).setUint16(8, header.length, true);
  file.set(new TextEncoder().encode(header), before);
  file.set(elementBytes(values), start);
  return file;
}
