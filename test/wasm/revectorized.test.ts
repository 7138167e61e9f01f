import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import type { VaeConfig } from "../../src/model/config.ts";
import { BUILDS, type KernelBuild, supportedArithmetic } from "../../src/wasm/builds.ts";
import { tuneEngine } from "../../src/wasm/engine-node.ts";
import { TILES, type TileName } from "../../src/wasm/tiles.ts";
import { parameterTable } from "../reference/vae.ts";
import { bitsOf, float32 } from "../support/kernel-memory.ts";
import { NetworkMemory } from "../support/network-memory.ts";
import { uniforms } from "../support/uniforms.ts";

/**
 * The command lets V8 make 256-bit code from pairs of 128-bit operations. That is an experiment of V8's, so it is held
 * to its promise here: whole training steps, often enough for its optimising compiler, give the bits that they gave
 * before.
 */

const config: VaeConfig = {
  inputDim: 90,
  inputShape: [90],
  hidden: [87, 70],
  latentDim: 5,
  activation: "tanh",
  likelihood: "bernoulli",
  seed: 0,
};
const ROWS = 37;
const STEPS = 150;

const weights = new Map(
  parameterTable(config).map(([name, shape], i) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return [name, float32(uniforms(i + 1, count, -0.2, 0.2))];
  }),
);
const x = float32(uniforms(100, ROWS * config.inputDim, -0.5, 1).map((value) => Math.max(0, value)));
const eps = float32(uniforms(101, ROWS * config.latentDim, -2, 2));

/** A module of its own: V8 would give compiled code back for bytes that it has seen. */
async function compileAfresh({ file }: KernelBuild, name: string): Promise<WebAssembly.Module> {
  const bytes = await readFile(new URL(`../../build/${file}`, import.meta.url));
  const custom = [0x00, name.length + 1, name.length, ...new TextEncoder().encode(name)];
  return new WebAssembly.Module(Uint8Array.of(...bytes, ...custom));
}

function train(module: WebAssembly.Module, shared: boolean, tile: TileName, sparse: boolean): Uint32Array {
  const memory = new NetworkMemory(config, { module, shared }, { capacity: ROWS, tile, sparse });
  memory.setParameters(weights);
  for (let step = 0; step < STEPS; step++) memory.step(x, eps, ROWS);
  return bitsOf(memory.raw("parameters"));
}

const builds = BUILDS.filter(({ arithmetic }) => supportedArithmetic().includes(arithmetic));
const expected = new Map<string, Uint32Array>();
for (const build of builds) {
  expected.set(build.file, train(await compileAfresh(build, "before"), build.shared, "4x8", false));
}
const { revectorized } = tuneEngine();

describe.runIf(revectorized).each(builds)("$file", async (build) => {
  const module = await compileAfresh(build, "after");

  test.each(Object.keys(TILES) as TileName[])("tile %s: 256-bit code gives the same bits", (tile) => {
    for (const sparse of [false, true]) {
      const actual = train(module, build.shared, tile, sparse);
      expect(actual).toBeAllClose(expected.get(build.file)!, { rtol: 0, atol: 0 });
    }
  });
});
