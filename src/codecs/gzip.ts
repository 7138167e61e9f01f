import { DataError } from "../errors.ts";
import { ByteSink } from "./byte-sink.ts";

/** More than this out of one file is refused: no dataset that fits the kernels' 4 GiB of memory needs it. */
export const MOST_UNZIPPED_BYTES = 2 ** 31;
/** Input goes in by pieces, so that output does not pile up before it is read. */
const PIECE_BYTES = 0x4_0000;
/** Room is made beforehand only where the file could plausibly need it; images rarely shrink further than this. */
const PLAUSIBLE_RATIO = 64;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * How many bytes a gzip file says it holds: the last four bytes, which are right for files below 4 GiB of one member
 * (RFC 1952, section 2.3.1). Only a hint, so never more than the file could plausibly yield.
 */
export function unzippedSizeHint(bytes: Uint8Array): number {
  if (bytes.length < 18) return 0;
  const at = bytes.byteOffset + bytes.length - 4;
  const claimed = new DataView(bytes.buffer, at, 4).getUint32(0, true);
  return Math.min(claimed, PLAUSIBLE_RATIO * bytes.length, MOST_UNZIPPED_BYTES);
}

export function notGzip(file: string, cause: unknown): DataError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const why = reason === "" ? "" : ` (${reason})`;
  return new DataError(`${file}: expected a whole gzip file, found a truncated or damaged one${why}.`, {
    cause,
  });
}

export function tooLarge(file: string): DataError {
  return new DataError(`${file}: expected at most 2 GiB of data, found a gzip file that holds more.`);
}

/**
 * Bytes as they are, or decompressed where they are gzip. Runs wherever `DecompressionStream` does.
 * @param file what errors call it
 * @throws DataError where the gzip file is truncated, damaged, or would yield more than 2 GiB
 */
export async function gunzip(file: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (!isGzip(bytes)) return bytes;
  const stream = new DecompressionStream("gzip");
  const writing = writeAll(stream.writable, bytes);
  // The reader meets the same error; without this it would also count as unhandled.
  writing.catch(() => {});
  const sink = new ByteSink(unzippedSizeHint(bytes));
  const reader = stream.readable.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      sink.append(next.value);
      if (sink.length > MOST_UNZIPPED_BYTES) break;
    }
  } catch (error) {
    throw notGzip(file, error);
  }
  if (sink.length > MOST_UNZIPPED_BYTES) {
    await reader.cancel().catch(() => {});
    throw tooLarge(file);
  }
  return sink.finish();
}

async function writeAll(
  writable: WritableStream<BufferSource>,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const writer = writable.getWriter();
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    await writer.ready;
    await writer.write(bytes.subarray(at, at + PIECE_BYTES));
  }
  await writer.close();
}
