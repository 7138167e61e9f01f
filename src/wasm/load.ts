// Which kernels a model or a run works with: the best that the engine has, after they have shown that they compute.

import { KernelError } from "../errors.ts";
import {
  type Arithmetic,
  chooseArithmetic,
  findBuild,
  type KernelBuild,
  supportedArithmetic,
} from "./builds.ts";
import type { AskedKernels, LoadedKernels, Platform, Width } from "./platform.ts";
import { chooseTile, type Engine, type TileName } from "./tiles.ts";

/** What of the kernels is checked. */
export interface Checked {
  readonly shared: boolean;
  readonly tile: TileName;
  readonly width: Width;
}

/** A runtime, as far as compiling kernels goes. */
export interface Compiler {
  /** Compiles one of the package's kernel builds. */
  compile(build: KernelBuild): Promise<WebAssembly.Module>;
  /** What this engine computes wrongly with them, if anything (src/model/self-check.ts). */
  findWrong(module: WebAssembly.Module, checked: Checked): Promise<string | undefined>;
  /** What the user asked for. */
  asked(): AskedKernels;
  /** What is known about the engine, as it is set now. */
  engine(): Engine;
  /** Has the engine compile without 256-bit vectors from now on. */
  narrow(): void;
  /** Tells whoever runs the program something that is no error. */
  warn(message: string): void;
}

/**
 * A loader of builds that has each compute small models first. Where an engine computes them wrongly, the next best choice is tried, and a warning says so: 128-bit code in place of 256-bit code, a smaller tile, at last the
 * other arithmetic, unless one was asked for. What has been loaded is kept: checking again would show nothing new.
 */
export function kernelLoader(compiler: Compiler): Platform["load"] {
  const loaded = new Map<string, Promise<LoadedKernels>>();
  // one after another: what one finds out about the engine holds for the next
  let before: Promise<unknown> = Promise.resolve();
  return (shared, arithmetic) => {
    const key = JSON.stringify([shared, arithmetic, compiler.asked(), compiler.engine()]);
    const loading = loaded.get(key) ?? before.then(() => loadFirstRight(compiler, shared, arithmetic));
    loaded.set(key, loading);
    before = loading.catch(() => loaded.delete(key));
    return loading;
  };
}

async function loadFirstRight(
  here: Compiler,
  shared: boolean,
  asked: Arithmetic | undefined,
): Promise<LoadedKernels> {
  const wrong: string[] = [];
  for (const arithmetic of arithmetics(asked ?? here.asked().arithmetic)) {
    for (const narrow of [false, true]) {
      if (narrow && !mayNarrow(here)) continue;
      if (narrow) here.narrow();
      for (const tile of tiles(here, arithmetic)) {
        const module = await here.compile(findBuild(arithmetic, shared));
        const width = here.engine().revectorized ? 256 : 128;
        const found = await here.findWrong(module, { shared, tile, width });
        const name = `${arithmetic}, tile ${tile}, ${width}-bit`;
        if (found === undefined) {
          if (wrong.length > 0)
            here.warn(
              `this JavaScript engine computes incorrectly: ${wrong.join("; ")}; using ${name} instead`,
            );
          return { module, arithmetic, tile, width };
        }
        wrong.push(`${found} (${name})`);
      }
    }
  }
  throw new KernelError({
    setting: "this JavaScript engine",
    expected: "correct results of the kernels",
    found: `incorrect ones in ${wrong.join("; ")}`,
    remedy: "try ELBOW_KERNELS=simd or another version of the engine",
  });
}

function arithmetics(asked: Arithmetic | undefined): readonly Arithmetic[] {
  return asked === undefined
    ? [chooseArithmetic(), ...supportedArithmetic().slice(1)]
    : [chooseArithmetic(asked)];
}

/** 256-bit code is left where it was not asked for by name. */
function mayNarrow(here: Compiler): boolean {
  return here.engine().revectorized && here.asked().width !== 256;
}

/** The tile that was asked for, or the best and the one that fits everywhere. */
function tiles(here: Compiler, arithmetic: Arithmetic): readonly TileName[] {
  const { tile } = here.asked();
  if (tile !== undefined) return [tile];
  const best = chooseTile(arithmetic, here.engine());
  return best === "4x8" || here.engine().revectorized ? [best] : [best, "4x8"];
}
