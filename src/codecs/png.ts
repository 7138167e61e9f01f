import { encode } from "fast-png";
import { ConfigError } from "../errors.ts";

/**
 * An 8-bit grayscale PNG. The same pixels give the same bytes.
 *
 * @param pixels [height, width], row-major; 0 is black.
 * @throws ConfigError if the pixels are not height × width, or there are none (PNG has no empty picture).
 */
export function encodeGrayPng(pixels: Uint8Array, width: number, height: number): Uint8Array<ArrayBuffer> {
  if (pixels.length !== width * height || pixels.length === 0) {
    throw new ConfigError(`A ${width} × ${height} picture cannot be made of ${pixels.length} pixels.`);
  }
  // Copied: the encoder's result is a view into a larger buffer of its own.
  return new Uint8Array(
    encode({ data: pixels, width, height, channels: 1, depth: 8 }, { zlib: { level: 9 } }),
  );
}
