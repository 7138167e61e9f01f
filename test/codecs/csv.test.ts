import { expect, test } from "vitest";
import { serializeCsv, shortestFloat32 } from "../../src/codecs/csv.ts";
import { ConfigError } from "../../src/errors.ts";
import { lcg } from "../formats/craft.ts";

test("a matrix has a line of names and a line per row", () => {
  const values = Float32Array.of(0.1, -2, 3, 1 / 3);
  expect(serializeCsv(values, { columns: ["z0", "z1"] })).toBe("z0,z1\n0.1,-2\n3,0.33333334\n");
  expect(serializeCsv(values, { columns: ["z0", "z1"], labels: Uint8Array.of(7, 0) })).toBe(
    "label,z0,z1\n7,0.1,-2\n0,3,0.33333334\n",
  );
  expect(serializeCsv(new Float32Array(0), { columns: ["z0"] })).toBe("z0\n");
});

test("float64 keeps every bit", () => {
  const values = Float64Array.of(1 / 3, -0, 5e-324, Number.NaN);
  const lines = serializeCsv(values, { columns: ["score"] })
    .trimEnd()
    .split("\n")
    .slice(1);
  expect(lines).toEqual(["0.3333333333333333", "-0", "5e-324", "NaN"]);
});

test("names with commas and quotes stand in quotes", () => {
  expect(serializeCsv(new Float32Array(0), { columns: ["a,b", 'say "c"', "d e"] })).toBe(
    '"a,b","say ""c""",d e\n',
  );
});

test("numbers are short, and the same float32 when read back", () => {
  const known: [number, string][] = [
    [0, "0"],
    [-0, "-0"],
    [1, "1"],
    [0.1, "0.1"],
    [16777216, "16777216"],
    [1e10, "10000000000"],
    [3.4028234663852886e38, "3.4028235e+38"],
    [1.17549435e-38, "1.1754944e-38"],
    [Number.NaN, "NaN"],
    [Number.NEGATIVE_INFINITY, "-Infinity"],
  ];
  for (const [value, text] of known) expect(shortestFloat32(Math.fround(value))).toBe(text);

  const random = lcg(2);
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  for (let i = 0; i < 20_000; i++) {
    bits[0] = random();
    const text = shortestFloat32(float[0]!);
    expect(Math.fround(Number(text))).toBe(float[0]);
    expect(text.replace(/e.*|\D/g, "").replace(/^0+/, "").length).toBeLessThanOrEqual(
      text.includes("e") ? 9 : 21,
    );
  }
});

test("values that are not whole rows, and labels that are not one per row, are refused", () => {
  expect(() => serializeCsv(new Float32Array(3), { columns: ["a", "b"] })).toThrow(
    new ConfigError({
      setting: "values",
      expected: "whole rows of 2 columns",
      found: "3 values",
      remedy: "pass rows × columns values",
    }),
  );
  expect(() => serializeCsv(new Float32Array(0), { columns: [] })).toThrow(ConfigError);
  expect(() => serializeCsv(new Float32Array(4), { columns: ["a", "b"], labels: [1] })).toThrow(
    new ConfigError({
      setting: "labels",
      expected: "2 labels",
      found: "1",
      remedy: "pass one label per row",
    }),
  );
});
