import { decode } from "fast-png";
import { describe, expect, test } from "vitest";
import { encodeGrayPng } from "../../src/codecs/png.ts";
import { ConfigError } from "../../src/errors.ts";
import {
  interpolationPicture,
  manifoldPicture,
  reconstructionsPicture,
  samplesPicture,
} from "../../src/report/pictures.ts";

/** Bytes [n, height, width], image i all of first + i. */
function flat(n: number, first: number, height = 28, width = 28): Uint8Array {
  return Uint8Array.from({ length: n * height * width }, (_, i) => first + Math.floor(i / (height * width)));
}

/** Width, height and a way to ask for a pixel. */
function look(png: Uint8Array) {
  const { width, height, data, channels, depth } = decode(png, { checkCrc: true });
  expect([channels, depth]).toEqual([1, 8]);
  return { size: [width, height], at: (y: number, x: number) => data[y * width + x] };
}

describe("encodeGrayPng", () => {
  test("gives back its pixels when decoded, and the same bytes each time", () => {
    const pixels = Uint8Array.from({ length: 37 * 11 }, (_, i) => (i * 7919) >> 3);
    const png = encodeGrayPng(pixels, 37, 11);
    expect(decode(png, { checkCrc: true })).toMatchObject({
      width: 37,
      height: 11,
      channels: 1,
      depth: 8,
      data: pixels,
    });
    expect(encodeGrayPng(pixels, 37, 11)).toEqual(png);
    expect(png.buffer.byteLength).toBe(png.length);
  });

  test("refuses pixels that are not that picture", () => {
    expect(() => encodeGrayPng(new Uint8Array(5), 2, 3)).toThrow(ConfigError);
    expect(() => encodeGrayPng(new Uint8Array(0), 0, 0)).toThrow(ConfigError);
  });
});

test("samples: 8 a row, 2 pixels of padding", () => {
  const { size, at } = look(samplesPicture(flat(64, 100), [28, 28]));
  expect(size).toEqual([242, 242]);
  expect([at(1, 1), at(2, 2), at(29, 29), at(30, 30), at(32, 2), at(239, 239), at(241, 241)]).toEqual([
    ...[0, 100, 100, 0, 108, 163, 0],
  ]);
});

describe("reconstructions", () => {
  test("stand below their originals, in four pairs of rows for 32", () => {
    const { size, at } = look(reconstructionsPicture(flat(32, 10), flat(32, 110), [28, 28]));
    expect(size).toEqual([242, 242]);
    const cell = (row: number, col: number) => at(2 + 30 * row, 2 + 30 * col);
    for (let row = 0; row < 4; row++) {
      for (let col = 0; col < 8; col++) {
        expect(cell(2 * row, col)).toBe(10 + 8 * row + col);
        expect(cell(2 * row + 1, col)).toBe(110 + 8 * row + col);
      }
    }
  });

  test("stay below their originals when the last row is short, and may be floats", () => {
    const reconstructions = Float32Array.from(flat(11, 110), (byte) => byte / 255);
    const { size, at } = look(reconstructionsPicture(flat(11, 10), reconstructions, [28, 28]));
    expect(size).toEqual([242, 122]);
    const cell = (row: number, col: number) => at(2 + 30 * row, 2 + 30 * col);
    expect([cell(2, 2), cell(2, 3), cell(3, 2), cell(3, 3)]).toEqual([20, 0, 120, 0]);
  });

  test("of few images make a narrow picture", () => {
    expect(look(reconstructionsPicture(flat(3, 1), flat(3, 1), [28, 28])).size).toEqual([92, 62]);
    expect(look(reconstructionsPicture(flat(1, 1), flat(1, 1), [28, 28])).size).toEqual([32, 62]);
  });

  test("must be as many as the originals", () => {
    expect(() => reconstructionsPicture(flat(3, 1), flat(4, 1), [28, 28])).toThrow(ConfigError);
    expect(() => reconstructionsPicture(flat(0, 1), flat(0, 1), [28, 28])).toThrow(ConfigError);
    expect(() => reconstructionsPicture(new Uint8Array(5), new Uint8Array(5), [2, 2])).toThrow(ConfigError);
  });
});

test("manifold: side × side, edge to edge", () => {
  const { size, at } = look(manifoldPicture(flat(9, 1, 4, 5), [4, 5], 3));
  expect(size).toEqual([15, 12]);
  expect([at(0, 0), at(0, 5), at(4, 0), at(11, 14)]).toEqual([1, 2, 4, 9]);
  expect(look(manifoldPicture(flat(400, 0), [28, 28], 20)).size).toEqual([560, 560]);
  expect(() => manifoldPicture(flat(8, 1, 4, 5), [4, 5], 3)).toThrow(ConfigError);
});

test("interpolation: one row, however long", () => {
  expect(look(interpolationPicture(flat(20, 1), [28, 28])).size).toEqual([20 * 30 + 2, 32]);
});
