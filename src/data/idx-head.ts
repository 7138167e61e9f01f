import { isGzip, mostUnzipped, mostZipped } from "../codecs/gzip.ts";
import type { FileHead } from "../codecs/head.ts";
import { expectIdxSize, type IdxHeader, type IdxKind, parseIdxHeader } from "../codecs/idx.ts";
import { DataError } from "../errors.ts";

/** The most bytes of contents: no dataset that fits the kernels' 4 GiB of memory needs more. */
const MOST_BYTES = 2 ** 31;

/**
 * Reads the header of an IDX file, compressed or not, and compares it with the file's size.
 *
 * @param file its name in errors
 * @param contents the first bytes, uncompressed: MOST_IDX_HEADER_BYTES or all
 * @throws {DataError} when these show that the file is damaged, or it has more than 2 GiB of data
 */
export function readIdxHeader(
  file: string,
  kind: IdxKind,
  { bytes, size }: FileHead,
  contents: Uint8Array,
): IdxHeader {
  const header = parseIdxHeader(file, kind, contents);
  if (!isGzip(bytes)) expectIdxSize(file, header, size);
  else if (header.end > mostUnzipped(size)) expectIdxSize(file, header, `at most ${mostUnzipped(size)}`);
  else if (size > mostZipped(header.end)) expectIdxSize(file, header, `${size} even when compressed`);
  if (header.end <= MOST_BYTES) return header;
  const fault = { setting: file, expected: "at most 2 GiB of data", found: header.sizes };
  throw new DataError({ ...fault, remedy: "use a smaller dataset" });
}
