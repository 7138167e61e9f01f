import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { TILES, type TileName } from "../../src/wasm/tiles.ts";
import { allCases } from "../cases/all.ts";
import { bitsOfCase, type Case } from "../cases/case.ts";
import {
  FINISH_NAMES,
  linear,
  linearBackwardInput,
  linearBackwardWeight,
  type Shape,
} from "../cases/products.ts";
import { type KernelMemory, openBuilds } from "../support/kernel-memory.ts";
import { SHAPES } from "./shapes.ts";

/**
 * Every sum has one order, whatever the tile, the memory and the engine's compiler: only the choice of arithmetic,
 * fused or not, changes bits.
 */

const builds = await openBuilds();
const tiles = Object.keys(TILES) as TileName[];

function casesOf(shape: Shape): Case[] {
  const products = [linearBackwardInput(shape), linearBackwardWeight(shape)];
  return [...FINISH_NAMES.map((finish) => linear(shape, finish)), ...products];
}

const cases = [
  ...SHAPES.flatMap(casesOf),
  ...allCases({ batch: 21, inputDim: 37, hidden: 90, latentDim: 3, density: 0.3 }),
];

/** What each case writes. */
function digests(memory: KernelMemory, tile: TileName, some: readonly Case[]): Record<string, string> {
  return Object.fromEntries(
    some.map((one) => {
      const hash = createHash("sha256").update(bitsOfCase(memory, one, tile));
      return [`${one.kernel}, ${one.what}`, hash.digest("hex").slice(0, 16)];
    }),
  );
}

describe.each([...new Set(builds.map(({ arithmetic }) => arithmetic))])("%s", (arithmetic) => {
  const siblings = builds.filter((build) => build.arithmetic === arithmetic);
  const expected = digests(siblings[0].memory, tiles[0], cases);

  test.each(siblings.flatMap(({ file, memory }) => tiles.map((tile) => ({ file, memory, tile }))))(
    "$file, tile $tile",
    ({ memory, tile }) => expect(digests(memory, tile, cases)).toEqual(expected),
  );

  // the first calls run unoptimised code, later ones what the optimising compiler has made of it
  test("the hundredth time as the first", () => {
    const [{ memory }] = siblings;
    const layer = casesOf({ rows: 37, k: 33, n: 49 });
    const run = () => tiles.map((tile) => digests(memory, tile, layer));
    const first = run();
    for (let i = 0; i < 99; i++) expect(run()).toEqual(first);
  });
});
