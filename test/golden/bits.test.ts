import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { supportedArithmetic } from "../../src/wasm/builds.ts";
import { GOLDEN, hashOf } from "./bits.ts";

type Hashes = Readonly<Record<string, readonly string[]>>;
const hashes = JSON.parse(readFileSync(new URL("./bits.json", import.meta.url), "utf8")) as Hashes;

// The relaxed build's bits are those of a processor with fused multiply-add, as any that Node runs on today has.
for (const arithmetic of supportedArithmetic()) {
  test.each([...GOLDEN.entries()])(
    `config %i trains to the same bits as ever, ${arithmetic}`,
    async (i, golden) => {
      expect(await hashOf(golden, arithmetic, 1 + (i % 3))).toBe(hashes[arithmetic]?.[i]);
    },
  );
}
