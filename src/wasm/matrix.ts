// Matrices in WebAssembly memory, and the only code that reads and writes their elements.

import { ENTRY_BYTES, LANES, LISTED_TOGETHER, ROW_BYTES, SEGMENT } from "./layout.ts";

/** From the first, up to and without the last: of rows, columns or blocks. */
export type Range = readonly [from: number, to: number];

/** A matrix in panels of 16 columns, each [rows][16] float32: a row of a panel is one cache line. */
export interface Matrix {
  /** Byte offset of the first panel. */
  readonly at: number;
  /** Bytes from one panel to the next. */
  readonly stride: number;
  readonly panels: number;
}

/** [k + 1, n]: the weights of a dense layer as a matrix of panels, with the bias as its last row. */
export interface Weights extends Matrix {
  /** Inputs. */
  readonly k: number;
}

/** Weights with Adam's two moments, which have their layout. */
export interface TrainedWeights extends Weights {
  /** Byte offsets of the first and the second moment. */
  readonly m: number;
  readonly v: number;
}

/** A matrix transposed in blocks of 16 rows: [blocks][columns][16], `stride` bytes a block. */
export interface Transposed {
  readonly at: number;
  readonly stride: number;
}

/**
 * The nonzeros of each row, or of each column, of a matrix in compressed (CSR) form, cut into segments of 128 places
 * (assembly/lists.ts). Each list has room for all of its `length` places.
 */
export interface Nonzeros {
  /** Byte offset of the first list, and bytes from one list to the next. */
  readonly at: number;
  readonly stride: number;
  /** The same of where the segments end. */
  readonly ends: number;
  readonly endStride: number;
  /** Places of a list: the columns of the matrix, or its rows. */
  readonly length: number;
}

/** Panels that hold `columns` columns; blocks of 16 rows that hold `rows` rows. */
export function panelsOf(columns: number): number {
  return Math.ceil(columns / LANES);
}

/** The next multiple of `to`. */
export function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

export function weightsAt(at: number, k: number, panels: number): Weights {
  return { at, stride: (k + 1) * ROW_BYTES, panels, k };
}

/** A matrix from one of its rows on. */
export function rowOf<M extends Matrix>(matrix: M, row: number): M {
  return { ...matrix, at: matrix.at + row * ROW_BYTES };
}

/** A matrix as `parts` matrices of equal width, side by side. */
export function splitPanels({ at, stride, panels }: Matrix, parts: number): Matrix[] {
  const width = panels / parts;
  return Array.from({ length: parts }, (_, i) => ({ at: at + i * width * stride, stride, panels: width }));
}

/** Bytes of a list: whole panels are listed, padding that is NaN included, and entries are written four at a time. */
export function listBytes(length: number): number {
  return (roundUp(length, LANES) + LISTED_TOGETHER) * ENTRY_BYTES;
}

/** Bytes of where the segments of a list end. */
export function listEndBytes(length: number): number {
  return (Math.ceil(length / SEGMENT) + 1) * 4;
}

/** Where element (row, column) of a matrix stands among the floats of its memory. */
export function elementIndex({ at, stride }: Matrix, row: number, column: number): number {
  return (at + Math.floor(column / LANES) * stride) / 4 + row * LANES + (column % LANES);
}

/** Which element of an array is (row, column): `start` + row·`row` + column·`column`; row-major, or transposed. */
export interface Steps {
  readonly start?: number;
  readonly row: number;
  readonly column: number;
}

type Size = readonly [rows: number, columns: number];

/** The first rows and columns of a matrix to an array, row-major unless `steps` say otherwise. */
export function readMatrix(
  floats: Float32Array,
  from: Matrix,
  size: Size,
  to: Float32Array,
  steps?: Steps,
): void {
  copy(floats, from, size, to, steps, true);
}

/** The inverse of `readMatrix`. */
export function writeMatrix(
  floats: Float32Array,
  to: Matrix,
  size: Size,
  from: Float32Array,
  steps?: Steps,
): void {
  copy(floats, to, size, from, steps, false);
}

function copy(
  floats: Float32Array,
  matrix: Matrix,
  [rows, columns]: Size,
  array: Float32Array,
  { start = 0, row, column }: Steps = { row: columns, column: 1 },
  out: boolean,
): void {
  for (let c = 0; c < columns; c++) {
    const at = elementIndex(matrix, 0, c);
    for (let r = 0; r < rows; r++) {
      const [i, j] = [at + r * LANES, start + r * row + c * column];
      if (out) array[j] = floats[i]!;
      else floats[i] = array[j]!;
    }
  }
}
