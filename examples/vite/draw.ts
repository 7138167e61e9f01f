/**
 * Images side by side, eight in a row, as the pixels of a canvas.
 *
 * @param images [count, height, width], in [0, 1]
 */
export function drawImages(
  canvas: HTMLCanvasElement,
  images: Float32Array,
  { height, width }: { height: number; width: number },
): void {
  const count = images.length / (height * width);
  const across = Math.min(8, count);
  canvas.width = across * width;
  canvas.height = Math.ceil(count / across) * height;
  const context = canvas.getContext("2d")!;
  for (let i = 0; i < count; i++) {
    const image = context.createImageData(width, height);
    for (let pixel = 0; pixel < width * height; pixel++) {
      const gray = 255 * images[i * width * height + pixel]!;
      image.data.set([gray, gray, gray, 255], 4 * pixel);
    }
    context.putImageData(image, (i % across) * width, Math.floor(i / across) * height);
  }
}
