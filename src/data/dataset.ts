/** Rows of numbers, row-major, all of one width. Bytes stand for value / 255. */
export interface Rows {
  readonly values: Uint8Array | Float32Array;
  readonly count: number;
  readonly dim: number;
}

/** One part of a dataset. */
export interface Split extends Rows {
  /** Height and width where a row is a grayscale image; absent where it is not. */
  readonly shape?: readonly [height: number, width: number];
  /** One class per row, where the dataset has classes. */
  readonly labels?: Uint8Array;
}

export interface Dataset {
  /** What the user called it: `mnist`, `digits`, or a directory's base name. */
  readonly name: string;
  /**
   * Which data a run was made with: SHA-256, in hex, of the 64 bytes SHA-256(training rows) ‖ SHA-256(test rows), so
   * that the two splits can be hashed side by side. Labels, file headers and compression do not count.
   */
  readonly sha256: string;
  readonly train: Split;
  readonly test: Split;
}
