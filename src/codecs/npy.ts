import { ConfigError } from "../errors.ts";
import { elementBytes } from "./dtypes.ts";
import { countOf } from "./shape.ts";

/** The data starts at a multiple of this, so that NumPy can map the file into memory. */
const ALIGNMENT = 64;

/**
 * Writes an array as a NumPy file, version 1.0: little-endian float32 or float64 as `values`, row-major.
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * @param values the elements of `shape`, row-major
 * @throws {ConfigError} when `values` has another number of elements than `shape`
 */
export function serializeNpy(
  values: Float32Array | Float64Array,
  shape: readonly number[],
): Uint8Array<ArrayBuffer> {
  const count = countOf(shape);
  if (values.length !== count) {
    const expected = `${count} elements, as shape [${shape.join(", ")}] has`;
    const found = String(values.length);
    throw new ConfigError({ setting: "values", expected, found, remedy: "check the shape" });
  }
  const descr = values instanceof Float64Array ? "<f8" : "<f4";
  // A Python tuple of one element needs a comma behind it.
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
