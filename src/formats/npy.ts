import { ConfigError } from "../errors.ts";
import { elementBytes } from "./dtypes.ts";

/** Data starts at a multiple of this, so that NumPy can map the file into memory. */
const ALIGNMENT = 64;

/**
 * A matrix as a NumPy file, version 1.0: float32 (`<f4`), row-major. `numpy.load` gives a [rows, cols] array.
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * @param values [rows, cols], row-major.
 * @throws ConfigError if `values` does not hold rows × cols elements.
 */
export function serializeNpy(values: Float32Array, rows: number, cols: number): Uint8Array<ArrayBuffer> {
  if (values.length !== rows * cols) {
    throw new ConfigError(
      `A ${rows} × ${cols} matrix has ${rows * cols} elements, but ${values.length} were given.`,
    );
  }
  const dict = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${cols}), }`;
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
