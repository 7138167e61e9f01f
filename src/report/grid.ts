import { ConfigError } from "../errors.ts";

export type ImageShape = readonly [height: number, width: number];

/** Values from 0 (black) to 1 (white), or bytes that mean value / 255. */
export type Intensities = Float32Array | Uint8Array;

export interface Grid {
  /** [height, width], row-major; 0 is black. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

export interface GridOptions {
  /** Images per row (torchvision's `nrow`); fewer images make a narrower grid. Default: 8. */
  readonly columns?: number;
  /** Black pixels around every image. Default: 2. */
  readonly padding?: number;
}

/**
 * Arranges images as torchvision's `make_grid` does and quantises them as its `save_image` does, so the pixels are
 * those of `save_image(samples, "samples.png")`: images fill rows from the top left, neighbours share their padding,
 * the rest of the last row is black, and a single image has no padding. (torchvision repeats the gray in three
 * channels; here it is one.)
 *
 * @param images [n, height, width], row-major, n ≥ 1
 * @throws {ConfigError} when the images are not whole, or there are none
 */
export function imageGrid(
  images: Intensities,
  shape: ImageShape,
  { columns = 8, padding = 2 }: GridOptions = {},
): Grid {
  const [height, width] = shape;
  const count = imageCount(images, shape);
  const values = toBytes(images);
  if (count === 1) return { pixels: values, width, height };

  const across = Math.min(columns, count);
  const down = Math.ceil(count / across);
  const gridWidth = across * (width + padding) + padding;
  const gridHeight = down * (height + padding) + padding;
  const pixels = new Uint8Array(gridWidth * gridHeight);
  for (let image = 0; image < count; image++) {
    const top = padding + Math.floor(image / across) * (height + padding);
    const left = padding + (image % across) * (width + padding);
    for (let y = 0; y < height; y++) {
      const from = (image * height + y) * width;
      pixels.set(values.subarray(from, from + width), (top + y) * gridWidth + left);
    }
  }
  return { pixels, width: gridWidth, height: gridHeight };
}

/**
 * Counts images.
 *
 * @throws {ConfigError} when they are not whole, or there are none
 */
export function imageCount(images: Intensities, [height, width]: ImageShape): number {
  const count = images.length / (height * width);
  if (!Number.isInteger(count) || count < 1) {
    const expected = `one or more whole images of ${height} × ${width}`;
    const remedy = "pass n × height × width values";
    throw new ConfigError({ setting: "images", expected, found: `${images.length} values`, remedy });
  }
  return count;
}

/**
 * Converts intensities to bytes in a buffer of their own: torchvision's `mul(255).add_(0.5).clamp_(0, 255).to(uint8)`,
 * also in float32. NaN becomes 0, which PyTorch leaves to the processor.
 */
export function toBytes(values: Intensities): Uint8Array<ArrayBuffer> {
  if (values instanceof Uint8Array) return new Uint8Array(values);
  const bytes = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const scaled = Math.fround(Math.fround(values[i]! * 255) + 0.5);
    // Storing in a Uint8Array drops the fraction and turns NaN into 0; without the clamp ±∞ would be 0, too.
    bytes[i] = Math.min(Math.max(scaled, 0), 255);
  }
  return bytes;
}
