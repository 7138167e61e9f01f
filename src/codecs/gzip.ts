import { DataError } from "../errors.ts";
import { ByteSink } from "./byte-sink.ts";

/** Input is written in pieces, so that output does not pile up before it is read. */
const PIECE_BYTES = 0x4_0000;
/** No byte of deflate becomes more bytes than this: 258 for each two bits at best, and headers. */
const MOST_RATIO = 1032;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The most bytes that a gzip file of this size can have as contents. */
export function mostUnzipped(size: number): number {
  return MOST_RATIO * size;
}

/**
 * The most bytes that a compressor makes of contents of this size: zlib adds 5 for each 16 kB that it cannot compress,
 * and a header may have a name and a comment.
 */
export function mostZipped(size: number): number {
  return size + Math.ceil(size / 256) + 0x1_0000;
}

export function notGzip(file: string, cause: unknown): DataError {
  const fault = { setting: file, expected: "a whole gzip file", found: "a truncated or damaged one" };
  return new DataError({ ...fault, remedy: "download it again" }, { cause });
}

/**
 * Decompresses gzip, and returns other bytes as they are. Needs `DecompressionStream`.
 * @param file its name in errors
 * @param most bytes to return: it stops there, whatever follows
 * @throws {DataError} when the gzip file is truncated or damaged before that
 */
export async function gunzip(
  file: string,
  bytes: Uint8Array<ArrayBuffer>,
  most: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!isGzip(bytes)) return bytes;
  const stream = new DecompressionStream("gzip");
  const writing = writeAll(stream.writable, bytes);
  // The reader throws the same error; without this it would also count as unhandled.
  writing.catch(() => {});
  const sink = new ByteSink(Math.min(most, mostUnzipped(bytes.length)));
  const reader = stream.readable.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      sink.append(next.value.subarray(0, most - sink.length));
      if (sink.length < most) continue;
      await reader.cancel().catch(() => {});
      break;
    }
  } catch (error) {
    throw notGzip(file, error);
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
