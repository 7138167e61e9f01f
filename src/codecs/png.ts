import { encode } from "fast-png";
import { ConfigError } from "../errors.ts";

/**
 * Writes an 8-bit grayscale PNG. The same pixels give the same bytes.
 *
 * @param pixels [height, width], row-major; 0 is black
 * @throws {ConfigError} when there are not height × width pixels, or none (PNG has no empty picture)
 */
export function encodeGrayPng(pixels: Uint8Array, width: number, height: number): Uint8Array<ArrayBuffer> {
  if (pixels.length !== width * height || pixels.length === 0) {
    const fault = {
      setting: "pixels",
      expected: `${width} × ${height}, at least one`,
      found: `${pixels.length}`,
    };
    throw new ConfigError({ ...fault, remedy: "pass width × height bytes" });
  }
  // Copied: the encoder's result is a view into a larger buffer of its own.
  return new Uint8Array(
    encode({ data: pixels, width, height, channels: 1, depth: 8 }, { zlib: { level: 9 } }),
  );
}
