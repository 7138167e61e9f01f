import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ACTIVATIONS, LANES, panelsOf, STATIC_BYTES } from "../../src/wasm/kernels.ts";
import { TILES } from "../../src/wasm/tiles.ts";
import { transpose } from "../reference/matmul.ts";
import {
  float32,
  type KernelMemory,
  type OpenBuild,
  openBuilds,
  type Panels,
} from "../support/kernel-memory.ts";
import { uniforms } from "../support/uniforms.ts";
import { nameOf, SHAPES, type Shape } from "./shapes.ts";

/**
 * Every sum has one order, whatever the tile, the memory and the engine's compiler: only the choice of arithmetic,
 * fused or not, changes bits.
 */

const builds = await openBuilds();
const tiles = Object.entries(TILES);

function digest(memory: KernelMemory, matrices: readonly Panels[]): string {
  const hash = createHash("sha256");
  for (const matrix of matrices) hash.update(memory.get(matrix));
  return hash.digest("hex").slice(0, 16);
}

/** What the three products of a dense layer give, by shape. */
function products(memory: KernelMemory, tile: number): Record<string, string> {
  return Object.fromEntries(
    SHAPES.map((shape) => {
      memory.reset();
      return [nameOf(shape), digest(memory, runLayer(memory, shape, tile))];
    }),
  );
}

function runLayer(memory: KernelMemory, { rows, k, n }: Shape, tile: number): Panels[] {
  const x = memory.put(uniforms(1, rows * k), rows, k);
  const weights = memory.putWeights(uniforms(2, k * n), uniforms(3, n), k, n);
  const { kernels } = memory;
  const outputs = Object.values(ACTIVATIONS).map((activation) => {
    const y = memory.room(rows, n);
    kernels.linear(y.at, y.stride, x.at, x.stride, weights.at, rows, y.panels, k, activation, tile);
    return y;
  });
  const dy = float32(uniforms(4, rows * n));
  const dyT = memory.put(transpose(dy, rows, n), n, rows);
  const dxT = memory.room(panelsOf(k) * LANES, rows);
  const blocks = dxT.panels;
  kernels.linearBackwardInput(dxT.at, dxT.stride, dyT.at, dyT.stride, weights.at, blocks, k, n, tile);
  const delta = memory.put(dy, rows, n);
  const dw = memory.room(k + 1, n, 0);
  const all = panelsOf(k) * panelsOf(n);
  kernels.linearBackwardWeight(dw.at, x.at, x.stride, delta.at, delta.stride, rows, k, 0, all, tile);
  return [...outputs, dxT, dw];
}

describe.each([...new Set(builds.map(({ arithmetic }) => arithmetic))])("%s", (arithmetic) => {
  const siblings = builds.filter((build) => build.arithmetic === arithmetic);
  const expected = products(siblings[0].memory, tiles[0][1]);

  test.each(
    siblings.flatMap(({ file, memory }) => tiles.map(([name, tile]) => ({ file, name, memory, tile }))),
  )("$file, tile $name", ({ memory, tile }) => expect(products(memory, tile)).toEqual(expected));

  // the first calls run unoptimised code, later ones what the optimising compiler has made of it
  test("the hundredth time as the first", () => {
    const [{ memory }] = siblings;
    const shape = { rows: 37, k: 33, n: 49 };
    const run = (): string[] =>
      tiles.map(([, tile]) => {
        memory.reset();
        return digest(memory, runLayer(memory, shape, tile));
      });
    const first = run();
    for (let i = 0; i < 99; i++) expect(run()).toEqual(first);
  });
});

test.each(builds)("$file leaves what is below the caller's memory as it is", ({ memory }: OpenBuild) => {
  const before = memory.words(0, STATIC_BYTES / 4).slice();
  products(memory, 0);
  expect(memory.words(0, STATIC_BYTES / 4)).toEqual(before);
});
