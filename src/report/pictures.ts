/** The pictures of a run as bytes of PNG files. Images are [n, height, width], row-major. */

import { encodeGrayPng } from "../codecs/png.ts";
import { ConfigError } from "../errors.ts";
import {
  type Grid,
  type GridOptions,
  type ImageShape,
  type Intensities,
  imageCount,
  imageGrid,
  toBytes,
} from "./grid.ts";

const COLUMNS = 8;

/** 8 images per row; 64 images of 28 × 28 make 242 × 242 pixels. */
export function samplesPicture(images: Intensities, shape: ImageShape): Uint8Array<ArrayBuffer> {
  return picture(images, shape, { columns: COLUMNS });
}

/**
 * Rows of 8 originals, each row above its reconstructions; 32 images make four such pairs of rows.
 *
 * @throws {ConfigError} when the numbers of originals and reconstructions differ or are 0
 */
export function reconstructionsPicture(
  originals: Intensities,
  reconstructions: Intensities,
  shape: ImageShape,
): Uint8Array<ArrayBuffer> {
  if (originals.length !== reconstructions.length) {
    const [expected, found] = [
      `${originals.length} values, as the originals have`,
      `${reconstructions.length}`,
    ];
    throw new ConfigError({ setting: "reconstructions", expected, found, remedy: "pass one per original" });
  }
  const count = imageCount(originals, shape);
  const across = Math.min(COLUMNS, count);
  const rows = Math.ceil(count / across);
  const rowSize = across * shape[0] * shape[1];
  const above = toBytes(originals);
  const below = toBytes(reconstructions);
  // Black images fill a short last row, so that its reconstructions start on a row of their own.
  const pairs = new Uint8Array(2 * rows * rowSize);
  for (let row = 0; row < rows; row++) {
    pairs.set(above.subarray(row * rowSize, (row + 1) * rowSize), 2 * row * rowSize);
    pairs.set(below.subarray(row * rowSize, (row + 1) * rowSize), (2 * row + 1) * rowSize);
  }
  return picture(pairs, shape, { columns: across });
}

/**
 * The decoded grid of the prior's quantiles, see `priorGrid`: side × side images, edge to edge.
 *
 * @throws {ConfigError} when there are not side × side images
 */
export function manifoldPicture(
  images: Intensities,
  shape: ImageShape,
  side: number,
): Uint8Array<ArrayBuffer> {
  if (images.length !== side * side * shape[0] * shape[1]) {
    const expected = `${side} × ${side} images of ${shape[0]} × ${shape[1]}`;
    const remedy = "decode the whole grid";
    throw new ConfigError({ setting: "images", expected, found: `${images.length} values`, remedy });
  }
  return picture(images, shape, { columns: side, padding: 0 });
}

/** All images in one row. */
export function interpolationPicture(images: Intensities, shape: ImageShape): Uint8Array<ArrayBuffer> {
  return picture(images, shape, { columns: Number.POSITIVE_INFINITY });
}

function picture(images: Intensities, shape: ImageShape, options: GridOptions): Uint8Array<ArrayBuffer> {
  const { pixels, width, height }: Grid = imageGrid(images, shape, options);
  return encodeGrayPng(pixels, width, height);
}
