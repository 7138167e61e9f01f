import { DataError } from "../errors.ts";

/**
 * Computes SHA-256 (FIPS 180-4) with Web Crypto, off the main thread.
 * @param bytes of any buffer; a shared one is copied, because Web Crypto refuses shared memory
 * @returns 32 bytes
 * @throws {DataError} when there is no Web Crypto: on a page from plain http
 */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  const subtle = globalThis.crypto?.subtle;
  if (subtle === undefined) {
    const remedy = "serve the page from https or localhost";
    throw new DataError({ setting: "crypto.subtle", expected: "Web Crypto", found: "none", remedy });
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

/** The first 12 digits of a checksum. */
export function shortSum(sha256: string): string {
  return `${sha256.slice(0, 12)}…`;
}
