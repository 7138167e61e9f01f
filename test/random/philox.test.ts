import { expect, test } from "vitest";
import { ConfigError } from "../../src/errors.ts";
import { multiplyHigh, philox, seedKey } from "../../src/random/philox.ts";

/** Known answers that ship with Random123 (kat_vectors, philox4x32 10): counter, key, result. */
const KNOWN_ANSWERS = [
  ["00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
  ["ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"],
  ["243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"],
] as const;

const parse = (words: string): number[] => words.split(" ").map((word) => Number.parseInt(word, 16));

test.each(KNOWN_ANSWERS)("counter %s, key %s gives %s", (counter, key, answer) => {
  const [c0, c1, c2, c3] = parse(counter) as [number, number, number, number];
  const [k0, k1] = parse(key) as [number, number];
  const out = new Uint32Array(4);
  philox([c0, c1, c2, c3], [k0, k1], out);
  expect([...out]).toEqual(parse(answer));
});

test("multiplyHigh is the upper word of the exact product", () => {
  const words = [0, 1, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xd2511f53, 0xfffffffe, 0xffffffff];
  for (const a of words) {
    for (const b of words) expect(multiplyHigh(a, b)).toBe(Number((BigInt(a) * BigInt(b)) >> 32n));
  }
});

test("a seed splits into two words", () => {
  expect(seedKey(0)).toEqual([0, 0]);
  expect(seedKey(0xffffffff)).toEqual([0xffffffff, 0]);
  expect(seedKey(Number.MAX_SAFE_INTEGER)).toEqual([0xffffffff, 0x1fffff]);
});

test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])("seed %s is refused", (seed) => {
  const expected = "a whole number from 0 to 9007199254740991";
  const error = new ConfigError({ setting: "seed", expected, found: String(seed) });
  expect(() => seedKey(seed)).toThrow(error);
});
