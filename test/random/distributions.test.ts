import { expect, test } from "vitest";
import { normals, normalsOfBlock } from "../../src/random/normal.ts";
import { philox } from "../../src/random/philox.ts";
import { PURPOSE } from "../../src/random/purpose.ts";
import { uniform, uniforms } from "../../src/random/uniform.ts";

test("a uniform is the upper 24 bits, exact in float32, below 1", () => {
  expect(uniform(0)).toBe(0);
  expect(uniform(0xff)).toBe(0);
  expect(uniform(0x100)).toBe(2 ** -24);
  expect(uniform(0xffffffff)).toBe(1 - 2 ** -24);
  expect(Math.fround(uniform(0xffffffff))).toBe(uniform(0xffffffff));
});

test("uniforms: column j is word j % 4 of block j / 4", () => {
  const words = new Uint32Array(4);
  philox([1, 7, 3, PURPOSE.init], [5, 0], words);
  const row = uniforms(5, PURPOSE.init, 3, 7, new Float64Array(7));
  expect([...row.subarray(4)]).toEqual([...words.subarray(0, 3)].map(uniform));
});

test("normals: column j is element j % 4 of block j / 4, whatever the width", () => {
  const words = new Uint32Array(4);
  const block = new Float64Array(4);
  philox([2, 11, 4, PURPOSE.noise], [9, 0], words);
  normalsOfBlock(words, block);
  const wide = normals(9, PURPOSE.noise, 4, 11, new Float64Array(20));
  const narrow = normals(9, PURPOSE.noise, 4, 11, new Float64Array(10));
  expect([...wide.subarray(8, 12)]).toEqual([...block]);
  expect([...wide.subarray(0, 10)]).toEqual([...narrow]);
});

test("normals are finite at the ends of the words", () => {
  const out = new Float64Array(4);
  normalsOfBlock(Uint32Array.of(0, 0, 0xffffffff, 0xffffffff), out);
  expect(out[0]).toBeCloseTo(Math.sqrt(48 * Math.LN2), 12);
  expect(Math.abs(out[2]!) + Math.abs(out[3]!)).toBe(0);
});

test("moments of 400 000 numbers are a standard normal's and a uniform's", () => {
  const n = 400_000;
  const x = normals(0, PURPOSE.noise, 0, 0, new Float64Array(n));
  const u = uniforms(0, PURPOSE.init, 0, 0, new Float64Array(n));
  const mean = (f: (value: number) => number, values: Float64Array): number =>
    values.reduce((sum, value) => sum + f(value), 0) / n;
  // Six standard errors: the variances of x, x², x⁴ are 1, 2, 96; of u and u² they are 1/12 and 4/45.
  const sixSigma = 6 / Math.sqrt(n);
  expect(Math.abs(mean((v) => v, x))).toBeLessThan(sixSigma);
  expect(Math.abs(mean((v) => v * v, x) - 1)).toBeLessThan(sixSigma * Math.sqrt(2));
  expect(Math.abs(mean((v) => v ** 4, x) - 3)).toBeLessThan(sixSigma * Math.sqrt(96));
  expect(Math.abs(mean((v) => v, u) - 1 / 2)).toBeLessThan(sixSigma / Math.sqrt(12));
  expect(Math.abs(mean((v) => v * v, u) - 1 / 3)).toBeLessThan(sixSigma * Math.sqrt(4 / 45));
});

test("every purpose has numbers of its own", () => {
  const firsts = Object.values(PURPOSE).map((purpose) => uniforms(0, purpose, 0, 0, new Float64Array(1))[0]);
  expect(new Set(firsts).size).toBe(Object.keys(PURPOSE).length);
});
