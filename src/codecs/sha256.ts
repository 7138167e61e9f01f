import { DataError } from "../errors.ts";

/**
 * SHA-256 (FIPS 180-4) as the platform computes it, off the main thread.
 * @param bytes of any buffer; a shared one is copied, because Web Crypto takes no shared memory
 * @returns 32 bytes
 * @throws DataError where there is no Web Crypto: a page that came over plain http
 */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  const subtle = globalThis.crypto?.subtle;
  if (subtle === undefined) {
    throw new DataError(
      "Checksums need Web Crypto, which browsers give only to pages from https or localhost.",
    );
  }
  return new Uint8Array(await subtle.digest("SHA-256", isUnshared(bytes) ? bytes : new Uint8Array(bytes)));
}

/** A digest in lower-case hex. */
export function toHex(digest: Uint8Array): string {
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isUnshared(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer;
}

/** Enough of a checksum to tell two apart. */
export function shortSum(sha256: string): string {
  return `${sha256.slice(0, 12)}…`;
}
