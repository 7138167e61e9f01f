import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { KernelError } from "../../src/errors.ts";
import { VAE_DEFAULTS } from "../../src/model/config.ts";
import { isRight } from "../../src/model/self-check.ts";
import { Arena, allocateShared } from "../../src/wasm/arena.ts";
import { BUILDS, findBuild, type KernelBuild, supportedArithmetic } from "../../src/wasm/builds.ts";
import { compileNode } from "../../src/wasm/compile-node.ts";
import { instantiate } from "../../src/wasm/instance.ts";
import { platform } from "../../src/wasm/platform.ts";
import { TILES, type TileName } from "../../src/wasm/tiles.ts";
import { changeCompiler } from "../support/platform.ts";

const supported = supportedArithmetic();
const [best] = supported;
const tileNames = Object.keys(TILES) as TileName[];

/** An instruction in the place of another, as an engine that miscompiles would have it. */
const SLIPS = {
  relaxed: { from: [0xfd, 0x85, 0x02], to: [0xfd, 0x86, 0x02] }, // relaxed_madd → relaxed_nmadd
  simd: { from: [0xfd, 0xe6, 0x01], to: [0xfd, 0xe5, 0x01] }, // f32x4.mul → f32x4.sub
};

function miscompiled({ arithmetic, file }: KernelBuild): WebAssembly.Module {
  const bytes = Buffer.from(readFileSync(new URL(`../../build/${file}`, import.meta.url)));
  const { from, to } = SLIPS[arithmetic];
  const slips = Buffer.from(from);
  for (let at = bytes.indexOf(slips); at >= 0; at = bytes.indexOf(slips, at + 1)) bytes.set(to, at);
  return new WebAssembly.Module(bytes);
}

describe.each(BUILDS.filter(({ arithmetic }) => supported.includes(arithmetic)))("$file", (build) => {
  function right(module: WebAssembly.Module, tile: TileName): boolean {
    const arena = new Arena();
    arena.region("", 2 ** 19);
    const instance = instantiate(module, build.shared ? allocateShared(arena) : undefined);
    return isRight(instance, tile, VAE_DEFAULTS);
  }

  test.each(tileNames)("computes rightly with tile %s", async (tile) => {
    expect(right(await compileNode(build), tile)).toBe(true);
  });

  test("its self-check notices another instruction", () =>
    expect(right(miscompiled(build), "6x8")).toBe(false));
});

describe("what is loaded", () => {
  test("gives what is best here, and the same again", async () => {
    changeCompiler({});
    const kernels = await platform().load(true, VAE_DEFAULTS);
    expect(kernels).toMatchObject({ arithmetic: best, width: 128 });
    expect(await platform().load(true, VAE_DEFAULTS)).toBe(kernels);
  });

  test("takes 256-bit code back where it is wrong, and says so", async () => {
    const warnings: string[] = [];
    let narrow = false;
    changeCompiler({
      engine: () => ({ revectorized: !narrow }),
      narrow: () => {
        narrow = true;
      },
      compile: async (build) => (narrow ? compileNode(build) : miscompiled(build)),
      warn: (message) => warnings.push(message),
    });
    expect(await platform().load(false, VAE_DEFAULTS)).toMatchObject({
      arithmetic: best,
      tile: "4x8",
      width: 128,
    });
    expect(warnings).toEqual([
      `this JavaScript engine computes incorrectly: relu, bernoulli (${best}, tile 6x16, 256-bit); using ${best}, tile 4x8, 128-bit instead`,
    ]);
  });

  test.runIf(supported.includes("relaxed"))(
    "takes the other arithmetic unless one was asked for",
    async () => {
      const warnings: string[] = [];
      changeCompiler({
        compile: async (build) => (build.arithmetic === "relaxed" ? miscompiled(build) : compileNode(build)),
        warn: (message) => warnings.push(message),
      });
      expect(await platform().load(false, VAE_DEFAULTS)).toMatchObject({ arithmetic: "simd" });
      expect(warnings.join()).toMatch(
        /^this JavaScript engine computes incorrectly: relu, bernoulli \(relaxed, tile .*; using simd, tile \w+, \d+-bit instead$/,
      );
      await expect(platform().load(false, VAE_DEFAULTS, "relaxed")).rejects.toThrow(KernelError);
      await expect(platform().load(false, VAE_DEFAULTS, "relaxed")).rejects.toThrow(
        /^this JavaScript engine: expected correct results of the kernels, found incorrect ones in relu, bernoulli \(relaxed, .*; try ELBOW_KERNELS=simd or another version of the engine$/,
      );
    },
  );

  test("what one load finds out holds for those that wait", async () => {
    let narrow = false;
    changeCompiler({
      engine: () => ({ revectorized: !narrow }),
      narrow: () => {
        narrow = true;
      },
      compile: async (build) => (narrow ? compileNode(build) : miscompiled(build)),
      warn: () => {},
    });
    const loaded = await Promise.all([false, true].map((shared) => platform().load(shared, VAE_DEFAULTS)));
    for (const kernels of loaded) expect(kernels).toMatchObject({ arithmetic: best, width: 128 });
  });

  test("gives what was asked for", async () => {
    changeCompiler({ asked: () => ({ arithmetic: "simd", tile: "4x16" }) });
    expect(await platform().load(false, VAE_DEFAULTS)).toMatchObject({ arithmetic: "simd", tile: "4x16" });
    expect(findBuild("simd", false).file).toBe("kernels.wasm");
  });
});
