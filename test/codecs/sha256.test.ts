import { expect, test } from "vitest";
import { sha256, toHex } from "../../src/codecs/sha256.ts";

/** FIPS 180-4's example of one block. */
const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

test("the standard's example", async () => {
  expect(toHex(await sha256(new TextEncoder().encode("abc")))).toBe(ABC);
});

test("a view of shared memory, not at its beginning", async () => {
  const shared = new Uint8Array(new SharedArrayBuffer(8), 2, 3);
  shared.set([0x61, 0x62, 0x63]);
  expect(toHex(await sha256(shared))).toBe(ABC);
});
