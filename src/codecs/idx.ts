import { DataError } from "../errors.ts";
import { countOf } from "./shape.ts";

/**
 * The IDX format, as its authors describe it beside MNIST: two zero bytes, a byte for the element type (0x08, unsigned
 * bytes, is the only one here), a byte for the number of dimensions, the big-endian 32-bit sizes, the values.
 */
const LABELS_MAGIC = 0x0801;
const TABLE_MAGIC = 0x0802;
const IMAGES_MAGIC = 0x0803;
const MOST_DIMENSIONS_MAGIC = 0x0808;

/** Rows of bytes, [count, dim], row-major. */
export interface IdxRows {
  readonly values: Uint8Array;
  readonly count: number;
  readonly dim: number;
  /** Present when a row is an image. */
  readonly shape?: readonly [height: number, width: number];
}

const hex = (word: number): string => `0x${word.toString(16).padStart(8, "0")}`;

/**
 * Reads rows of bytes: 0x00000803 is images [count, height, width]; any other number of dimensions from 2 to 8 gives
 * rows without a shape.
 * @param file its name in errors
 * @param bytes the whole file, uncompressed; the rows are a view of it, not a copy
 * @throws {DataError} when the file is not that, has another length than its header says, or has no rows
 */
export function parseIdxRows(file: string, bytes: Uint8Array): IdxRows {
  const magic = readMagic(file, bytes, IMAGES_MAGIC, TABLE_MAGIC, MOST_DIMENSIONS_MAGIC);
  const sizes = readSizes(file, bytes, magic & 0xff);
  const [count, ...rowSizes] = sizes as [number, ...number[]];
  const dim = countOf(rowSizes);
  const what = sizes.join(" × ");
  if (count === 0 || dim === 0) {
    throw fault(file, "at least one image of at least one pixel", what, "use a file that has rows");
  }
  const values = readValues(file, bytes, 4 + 4 * sizes.length, count * dim, what);
  if (magic !== IMAGES_MAGIC) return { values, count, dim };
  return { values, count, dim, shape: [rowSizes[0]!, rowSizes[1]!] };
}

/**
 * Reads labels, one byte each (0x00000801).
 * @param file its name in errors
 * @param bytes the whole file, uncompressed; the labels are a view of it, not a copy
 * @throws {DataError} when the file is not that or has another length than its header says
 */
export function parseIdxLabels(file: string, bytes: Uint8Array): Uint8Array {
  readMagic(file, bytes, LABELS_MAGIC);
  const [count] = readSizes(file, bytes, 1) as [number];
  return readValues(file, bytes, 8, count, `${count} labels`);
}

function fault(setting: string, expected: string, found: string, remedy: string): DataError {
  return new DataError({ setting, expected, found, remedy });
}

/** Reads the magic number, which must be from `least` to `most`; errors name the usual one. */
function readMagic(file: string, bytes: Uint8Array, usual: number, least = usual, most = usual): number {
  const magic = bytes.length < 4 ? Number.NaN : readWord(bytes, 0);
  if (magic >= least && magic <= most) return magic;
  const [kind, other] = usual === IMAGES_MAGIC ? ["images", "labels"] : ["labels", "images"];
  const isOther = magic === LABELS_MAGIC || magic === IMAGES_MAGIC;
  const found = bytes.length < 4 ? `only ${bytes.length} bytes` : hex(magic);
  const hint = isOther ? `, which is ${other}` : "";
  throw fault(file, `IDX ${kind} (magic ${hex(usual)})`, found + hint, `choose an IDX file of ${kind}`);
}

function readSizes(file: string, bytes: Uint8Array, dimensions: number): number[] {
  const header = 4 + 4 * dimensions;
  if (bytes.length < header) {
    throw fault(file, `an IDX header of ${header} bytes`, `only ${bytes.length}`, "use a complete copy");
  }
  return Array.from({ length: dimensions }, (_, i) => readWord(bytes, 4 + 4 * i));
}

/** The sizes come from the file, so they are compared with its length before anything of that size is allocated. */
function readValues(file: string, bytes: Uint8Array, header: number, size: number, what: string): Uint8Array {
  if (bytes.length !== header + size) {
    const expected = `${header + size} bytes (a header of ${header}, then ${what})`;
    throw fault(file, expected, String(bytes.length), "use an undamaged copy");
  }
  return bytes.subarray(header);
}

function readWord(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);
}
