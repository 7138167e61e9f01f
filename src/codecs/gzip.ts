import { DataError } from "../errors.ts";
import { ByteSink } from "./byte-sink.ts";

/** Larger files are refused: no dataset that fits the kernels' 4 GiB of memory needs them. */
export const MOST_UNZIPPED_BYTES = 2 ** 31;
/** Input is written in pieces, so that output does not pile up before it is read. */
const PIECE_BYTES = 0x4_0000;
/** Limit of the compression ratio for which memory is allocated beforehand; images rarely shrink further. */
const PLAUSIBLE_RATIO = 64;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * The uncompressed size by a gzip file's last four bytes, which are right for one member below 4 GiB (RFC 1952, section
 * 2.3.1). Only a hint, so never more than the file could plausibly contain.
 */
export function unzippedSizeHint(bytes: Uint8Array): number {
  if (bytes.length < 18) return 0;
  const at = bytes.byteOffset + bytes.length - 4;
  const claimed = new DataView(bytes.buffer, at, 4).getUint32(0, true);
  return Math.min(claimed, PLAUSIBLE_RATIO * bytes.length, MOST_UNZIPPED_BYTES);
}

export function notGzip(file: string, cause: unknown): DataError {
  const fault = { setting: file, expected: "a whole gzip file", found: "a truncated or damaged one" };
  return new DataError({ ...fault, remedy: "download it again" }, { cause });
}

export function tooLarge(file: string): DataError {
  const fault = { setting: file, expected: "at most 2 GiB of uncompressed data", found: "more" };
  return new DataError({ ...fault, remedy: "use a smaller dataset" });
}

/**
 * Decompresses gzip, and returns other bytes as they are. Needs `DecompressionStream`.
 * @param file its name in errors
 * @throws {DataError} when the gzip file is truncated, damaged, or has more than 2 GiB of data
 */
export async function gunzip(file: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (!isGzip(bytes)) return bytes;
  const stream = new DecompressionStream("gzip");
  const writing = writeAll(stream.writable, bytes);
  // The reader throws the same error; without this it would also count as unhandled.
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
