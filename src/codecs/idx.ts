import { DataError } from "../errors.ts";

/**
 * The IDX format, as its authors describe it beside MNIST: two zero bytes, a byte for the type (0x08 is unsigned bytes,
 * the only one here), a byte for the number of dimensions, the dimensions as big-endian 32-bit sizes, then the values.
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
  /** Of an image, where a row is one. */
  readonly shape?: readonly [height: number, width: number];
}

const hex = (word: number): string => `0x${word.toString(16).padStart(8, "0")}`;

/**
 * Rows of bytes: 0x00000803 is images [count, height, width]; any other number of dimensions from 2 to 8 is read as rows
 * without a shape.
 * @param file what errors call it
 * @param bytes the whole file, uncompressed; the rows are a view of it, not a copy
 * @throws DataError where the file is not that, is of another length than it says, or holds no rows
 */
export function parseIdxRows(file: string, bytes: Uint8Array): IdxRows {
  const magic = readMagic(file, bytes, "images", IMAGES_MAGIC);
  if (magic < TABLE_MAGIC || magic > MOST_DIMENSIONS_MAGIC) {
    const hint = magic === LABELS_MAGIC ? ", which is labels" : "";
    throw new DataError(
      `${file}: expected IDX images (magic ${hex(IMAGES_MAGIC)}), found ${hex(magic)}${hint}.`,
    );
  }
  const sizes = readSizes(file, bytes, magic & 0xff);
  const [count, ...rowSizes] = sizes as [number, ...number[]];
  const dim = rowSizes.reduce((product, size) => product * size, 1);
  const what = sizes.join(" × ");
  if (count === 0 || dim === 0) {
    throw new DataError(`${file}: expected at least one image of at least one pixel, found ${what}.`);
  }
  const values = readValues(file, bytes, 4 + 4 * sizes.length, count * dim, what);
  if (magic !== IMAGES_MAGIC) return { values, count, dim };
  return { values, count, dim, shape: [rowSizes[0]!, rowSizes[1]!] };
}

/**
 * Labels, one byte each (0x00000801).
 * @param file what errors call it
 * @param bytes the whole file, uncompressed; the labels are a view of it, not a copy
 * @throws DataError where the file is not that or is of another length than it says
 */
export function parseIdxLabels(file: string, bytes: Uint8Array): Uint8Array {
  const magic = readMagic(file, bytes, "labels", LABELS_MAGIC);
  if (magic !== LABELS_MAGIC) {
    const hint = magic === IMAGES_MAGIC ? ", which is images" : "";
    throw new DataError(
      `${file}: expected IDX labels (magic ${hex(LABELS_MAGIC)}), found ${hex(magic)}${hint}.`,
    );
  }
  const [count] = readSizes(file, bytes, 1) as [number];
  return readValues(file, bytes, 8, count, `${count} labels`);
}

function readMagic(file: string, bytes: Uint8Array, kind: string, expected: number): number {
  if (bytes.length < 4) {
    throw new DataError(
      `${file}: expected IDX ${kind} (magic ${hex(expected)}), found only ${bytes.length} bytes.`,
    );
  }
  return readWord(bytes, 0);
}

function readSizes(file: string, bytes: Uint8Array, dimensions: number): number[] {
  const header = 4 + 4 * dimensions;
  if (bytes.length < header) {
    throw new DataError(
      `${file}: expected an IDX header of ${header} bytes, found only ${bytes.length} bytes.`,
    );
  }
  return Array.from({ length: dimensions }, (_, i) => readWord(bytes, 4 + 4 * i));
}

/** The sizes come from the file, so they are compared with what is really there before anything is made of them. */
function readValues(file: string, bytes: Uint8Array, header: number, size: number, what: string): Uint8Array {
  if (bytes.length !== header + size) {
    throw new DataError(
      `${file}: expected ${header + size} bytes (a header of ${header}, then ${what}), found ${bytes.length}.`,
    );
  }
  return bytes.subarray(header);
}

function readWord(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);
}
