import { encode } from "fast-png";

/** Black pixels around every image. */
const PADDING = 2;

/**
 * Images side by side as one grayscale PNG, eight in a row.
 *
 * @param images [count, height, width], in [0, 1]
 */
export function gridPng(
  images: Float32Array,
  { height, width }: { height: number; width: number },
): Uint8Array<ArrayBuffer> {
  const count = images.length / (height * width);
  const across = Math.min(8, count);
  const gridWidth = across * (width + PADDING) + PADDING;
  const gridHeight = Math.ceil(count / across) * (height + PADDING) + PADDING;
  const data = new Uint8Array(gridWidth * gridHeight);
  for (let row = 0; row < count * height; row++) {
    const image = Math.floor(row / height);
    const top = PADDING + Math.floor(image / across) * (height + PADDING) + (row % height);
    const left = PADDING + (image % across) * (width + PADDING);
    for (let x = 0; x < width; x++)
      data[top * gridWidth + left + x] = Math.round(255 * images[row * width + x]!);
  }
  return new Uint8Array(encode({ data, width: gridWidth, height: gridHeight, channels: 1, depth: 8 }));
}
