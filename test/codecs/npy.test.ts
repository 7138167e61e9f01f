import { expect, test } from "vitest";
import { serializeNpy } from "../../src/codecs/npy.ts";
import { ConfigError } from "../../src/errors.ts";

test("a matrix is a NumPy file of version 1.0", () => {
  const values = Float32Array.of(1, -2.5, Number.NaN, 4, 5, 6);
  const file = serializeNpy(values, [3, 2]);
  expect([...file.subarray(0, 8)]).toEqual([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0]);
  const headerLength = new DataView(file.buffer).getUint16(8, true);
  const header = new TextDecoder().decode(file.subarray(10, 10 + headerLength));
  expect(header).toMatch(/^\{'descr': '<f4', 'fortran_order': False, 'shape': \(3, 2\), \} *\n$/);
  expect(new Float32Array(file.slice(10 + headerLength).buffer)).toEqual(values);
});

test("a list of float64 says so", () => {
  const values = Float64Array.of(Math.PI, -0);
  const file = serializeNpy(values, [2]);
  expect(new TextDecoder().decode(file.subarray(10, 70))).toContain(
    "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }",
  );
  expect(new Float64Array(file.slice(-16).buffer)).toEqual(values);
});

test("the data starts at a multiple of 64, for any number of digits", () => {
  for (let digits = 0; digits < 9; digits++) {
    const file = serializeNpy(new Float32Array(0), [10 ** digits, 0]);
    expect(file.length % 64).toBe(0);
    expect(file.at(-1)).toBe(0x0a);
  }
});

test("values that are no such matrix are refused", () => {
  expect(() => serializeNpy(new Float32Array(5), [3, 2])).toThrow(
    new ConfigError({
      setting: "values",
      expected: "6 elements, as shape [3, 2] has",
      found: "5",
      remedy: "check the shape",
    }),
  );
});
