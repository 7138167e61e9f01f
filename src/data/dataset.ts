/** Rows of numbers, row-major, all of one width. Bytes mean value / 255. */
export interface Rows {
  /** [count, dim], row-major. Numbers outside the likelihood's range are refused where the rows are used. */
  readonly values: Uint8Array | Float32Array;
  /** Number of rows. */
  readonly count: number;
  /** Numbers in a row: the model's `inputDim`. */
  readonly dim: number;
}

/** One part of a dataset. */
export interface Split extends Rows {
  /** Height and width if a row is a grayscale image. */
  readonly shape?: readonly [height: number, width: number];
  /** One class per row, [count], if the dataset has classes. Training does not use them. */
  readonly labels?: Uint8Array;
}

/** Rows to train on and rows to test with. */
export interface Dataset {
  /** `mnist`, `fashion-mnist`, `digits`, or a directory's base name. */
  readonly name: string;
  /**
   * Checksum of the rows: SHA-256, in hex, of the 64 bytes SHA-256(training rows) ‖ SHA-256(test rows), so that the two
   * splits can be hashed in parallel. Labels, file headers and compression do not count.
   */
  readonly sha256: string;
  /** Rows to train on. */
  readonly train: Split;
  /** Rows to evaluate on, of the same width. */
  readonly test: Split;
}
