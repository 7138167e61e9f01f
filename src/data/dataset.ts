/** Rows of numbers, row-major, all of one width. Bytes stand for value / 255. */
export interface Rows {
  /** [count, dim], row-major; a number beyond what the model's likelihood takes is refused where the rows are used. */
  readonly values: Uint8Array | Float32Array;
  /** How many rows. */
  readonly count: number;
  /** Numbers in a row: the model's `inputDim`. */
  readonly dim: number;
}

/** One part of a dataset. */
export interface Split extends Rows {
  /** Height and width where a row is a grayscale image; absent where it is not. */
  readonly shape?: readonly [height: number, width: number];
  /** One class per row, [count], where the dataset has classes. Training does not look at them. */
  readonly labels?: Uint8Array;
}

/** Rows to train on and rows to test with. */
export interface Dataset {
  /** What the user called it: `mnist`, `digits`, or a directory's base name. */
  readonly name: string;
  /**
   * Which data a run was made with: SHA-256, in hex, of the 64 bytes SHA-256(training rows) ‖ SHA-256(test rows), so
   * that the two splits can be hashed side by side. Labels, file headers and compression do not count.
   */
  readonly sha256: string;
  /** What the model learns from. */
  readonly train: Split;
  /** What it is evaluated on; of the same width. */
  readonly test: Split;
}
