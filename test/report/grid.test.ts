import { expect, test } from "vitest";
import { ConfigError } from "../../src/errors.ts";
import { imageGrid, toBytes } from "../../src/report/grid.ts";

/** n images, image i all of i / 255. */
function flat(n: number, height: number, width: number): Float32Array {
  return Float32Array.from({ length: n * height * width }, (_, i) => Math.floor(i / (height * width)) / 255);
}

test("64 images of 28 × 28 make 242 × 242 pixels, each where torchvision puts it", () => {
  const { pixels, width, height } = imageGrid(flat(64, 28, 28), [28, 28]);
  expect([width, height]).toEqual([242, 242]);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isPadding = y % 30 < 2 || x % 30 < 2;
      const image = Math.floor(y / 30) * 8 + Math.floor(x / 30);
      const expected = isPadding ? 0 : image;
      if (pixels[y * width + x] !== expected) expect([y, x, pixels[y * width + x]]).toEqual([y, x, expected]);
    }
  }
});

test("an image keeps its rows and columns", () => {
  const images = Float32Array.from({ length: 12 }, (_, i) => (i + 1) / 255); // two images of 2 × 3
  const { pixels, width, height } = imageGrid(images, [2, 3], { padding: 1 });
  expect([width, height]).toEqual([9, 4]);
  expect([...pixels]).toEqual([
    ...[0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[0, 1, 2, 3, 0, 7, 8, 9, 0],
    ...[0, 4, 5, 6, 0, 10, 11, 12, 0],
    ...[0, 0, 0, 0, 0, 0, 0, 0, 0],
  ]);
});

test("few images make a narrow grid, many leave the last row dark, one stands alone", () => {
  const size = (n: number, columns?: number, padding?: number) => {
    const { width, height } = imageGrid(flat(n, 4, 6), [4, 6], {
      columns: columns ?? 8,
      padding: padding ?? 2,
    });
    return [width, height];
  };
  expect(size(1)).toEqual([6, 4]);
  expect(size(2)).toEqual([2 * 8 + 2, 8]);
  expect(size(3)).toEqual([3 * 8 + 2, 8]);
  expect(size(8)).toEqual([8 * 8 + 2, 8]);
  expect(size(9)).toEqual([8 * 8 + 2, 14]);
  expect(size(9, 3, 0)).toEqual([18, 12]);
  const { pixels, width } = imageGrid(flat(9, 4, 6), [4, 6]);
  const lastRow = pixels.subarray(8 * width);
  expect(lastRow.filter((pixel) => pixel === 8).length).toBe(24);
  expect(lastRow.filter((pixel) => pixel === 0).length).toBe(lastRow.length - 24);
});

test("values are rounded to bytes as save_image does, in float32", () => {
  const values = Float32Array.of(0, 1, 0.5, 0.25, 1 / 255, 0.4999 / 255, 0.5 / 255, -1, 2, 1e30);
  expect([...toBytes(values)]).toEqual([0, 255, 128, 64, 1, 0, 1, 0, 255, 255]);
  const odd = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, -1e-30);
  expect([...toBytes(odd)]).toEqual([0, 255, 0, 0, 0]);
});

test("bytes stay what they are, also by the way of floats", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  expect(toBytes(bytes)).toEqual(bytes);
  expect(toBytes(bytes)).not.toBe(bytes);
  expect(toBytes(Float32Array.from(bytes, (byte) => byte / 255))).toEqual(bytes);
});

test("what is not whole images is refused", () => {
  for (const length of [0, 783, 785]) {
    const fault = { expected: "one or more whole images of 28 × 28", found: `${length} values` };
    const error = new ConfigError({ setting: "images", ...fault, remedy: "pass n × height × width values" });
    expect(() => imageGrid(new Float32Array(length), [28, 28])).toThrow(error);
  }
  expect(() => imageGrid(new Float32Array(0), [0, 28])).toThrow(ConfigError);
  expect(() => imageGrid(new Float32Array(4), [0, 28])).toThrow(ConfigError);
});
