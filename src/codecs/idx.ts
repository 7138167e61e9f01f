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

/** The longest header, in bytes: eight dimensions. */
export const MOST_IDX_HEADER_BYTES = 36;

export type IdxKind = "images" | "labels";

/** What the first bytes of an IDX file say. */
export interface IdxHeader {
  readonly count: number;
  /** Bytes in a row; 1 for labels. */
  readonly dim: number;
  /** Present when a row is an image. */
  readonly shape?: readonly [height: number, width: number];
  /** Bytes of the header, and of the whole file. */
  readonly start: number;
  readonly end: number;
  /** The sizes, in words. */
  readonly sizes: string;
}

/** Rows of bytes, [count, dim], row-major. */
export interface IdxRows extends Pick<IdxHeader, "count" | "dim" | "shape"> {
  readonly values: Uint8Array;
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
  const header = parseIdxHeader(file, "images", bytes);
  const { count, dim, shape } = header;
  expectIdxSize(file, header, bytes.length);
  return { values: bytes.subarray(header.start), count, dim, ...(shape && { shape }) };
}

/**
 * Reads labels, one byte each (0x00000801).
 * @param file its name in errors
 * @param bytes the whole file, uncompressed; the labels are a view of it, not a copy
 * @throws {DataError} when the file is not that or has another length than its header says
 */
export function parseIdxLabels(file: string, bytes: Uint8Array): Uint8Array {
  const header = parseIdxHeader(file, "labels", bytes);
  expectIdxSize(file, header, bytes.length);
  return bytes.subarray(header.start);
}

/**
 * Reads the header of rows or labels.
 * @param bytes the first of the uncompressed file, MOST_IDX_HEADER_BYTES or all
 * @throws {DataError} when the file is not that, or has no rows
 */
export function parseIdxHeader(file: string, kind: IdxKind, bytes: Uint8Array): IdxHeader {
  if (kind === "labels") {
    readMagic(file, bytes, LABELS_MAGIC);
    const [count] = readSizes(file, bytes, 1) as [number];
    return { count, dim: 1, start: 8, end: 8 + count, sizes: `${count} labels` };
  }
  const magic = readMagic(file, bytes, IMAGES_MAGIC, TABLE_MAGIC, MOST_DIMENSIONS_MAGIC);
  const all = readSizes(file, bytes, magic & 0xff);
  const [count, ...rowSizes] = all as [number, ...number[]];
  const dim = countOf(rowSizes);
  const sizes = all.join(" × ");
  if (count === 0 || dim === 0) {
    throw fault(file, "at least one image of at least one pixel", sizes, "use a file that has rows");
  }
  const start = 4 + 4 * all.length;
  const header = { count, dim, start, end: start + count * dim, sizes };
  return magic === IMAGES_MAGIC ? { ...header, shape: [rowSizes[0]!, rowSizes[1]!] } : header;
}

/**
 * Checks the size of an uncompressed file. The sizes in the header come from the file, so this is before anything of
 * that size is allocated.
 * @param size in bytes, or in words if it is only known to be too large or too small
 * @throws {DataError} when it is not the header's
 */
export function expectIdxSize(file: string, { start, end, sizes }: IdxHeader, size: number | string): void {
  if (size === end) return;
  throw fault(file, `${end} bytes (a header of ${start}, then ${sizes})`, `${size}`, "use an undamaged copy");
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

function readWord(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at);
}
