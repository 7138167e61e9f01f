/** What can be known of a file before the rest of it is read. */
export interface FileHead {
  /** The first bytes: 512 KiB, or all that the file has. */
  readonly bytes: Uint8Array;
  /** The whole file's, in bytes; infinite if it is not known yet. */
  readonly size: number;
}
