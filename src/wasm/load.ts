// Which kernels a model or a run works with: the best that the engine has, after they have shown that they compute.

import { KernelError } from "../errors.ts";
import { Arena, allocateShared } from "./arena.ts";
import {
  type Arithmetic,
  chooseArithmetic,
  findBuild,
  type KernelBuild,
  supportedArithmetic,
} from "./builds.ts";
import { instantiate } from "./instance.ts";
import type { AskedKernels, Checkable, LoadedKernels, Platform, Uses, Width } from "./platform.ts";
import { chooseTile, type Engine, type TileName } from "./tiles.ts";

/** Optimising compilers begin with what has run for a while, so 256-bit code is checked so often … */
const REPEATS = 12;
/** … and they take their time, so with these pauses, in which others have their turn. */
const PAUSE_MS = 2;
/** Of shared memory, which cannot grow: enough for any check. */
const MEMORY_BYTES = 2 ** 19;

/** A runtime, as far as compiling kernels goes. */
export interface Compiler {
  /** Compiles one of the package's kernel builds. */
  compile(build: KernelBuild): Promise<WebAssembly.Module>;
  /** Whether an instance computes what a model uses as it should (src/model/self-check.ts). */
  isRight(instance: Checkable, tile: TileName, uses: Uses): boolean;
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
 * A loader of builds that has each compute a small model first. Where an engine computes it wrongly, the next best choice is
 * tried, and a warning says so: 128-bit code in place of 256-bit code, a smaller tile, at last the other arithmetic, unless
 * one was asked for. What has been loaded is kept: checking again would show nothing new.
 */
export function kernelLoader(compiler: Compiler): Platform["load"] {
  const loaded = new Map<string, Promise<LoadedKernels>>();
  // one after another: what one finds out about the engine holds for the next
  let before: Promise<unknown> = Promise.resolve();
  return (shared, uses, arithmetic) => {
    const { activation, likelihood } = uses;
    const key = JSON.stringify([
      shared,
      activation,
      likelihood,
      arithmetic,
      compiler.asked(),
      compiler.engine(),
    ]);
    const loading = loaded.get(key) ?? before.then(() => loadFirstRight(compiler, shared, uses, arithmetic));
    loaded.set(key, loading);
    before = loading.catch(() => loaded.delete(key));
    return loading;
  };
}

async function loadFirstRight(
  here: Compiler,
  shared: boolean,
  uses: Uses,
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
        const right = await isRight(here, module, { shared, tile, width, uses });
        const name = `${arithmetic}, tile ${tile}, ${width}-bit`;
        if (right) {
          if (wrong.length > 0)
            here.warn(
              `this JavaScript engine computes incorrectly: ${wrong.join("; ")}; using ${name} instead`,
            );
          return { module, arithmetic, tile, width };
        }
        wrong.push(`${uses.activation}, ${uses.likelihood} (${name})`);
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

/** Whether this engine computes it as it should, before and after it has optimised the code. */
async function isRight(
  here: Compiler,
  module: WebAssembly.Module,
  { shared, tile, width, uses }: { shared: boolean; tile: TileName; width: Width; uses: Uses },
): Promise<boolean> {
  const arena = new Arena();
  arena.region("", MEMORY_BYTES);
  const instance = instantiate(module, shared ? allocateShared(arena) : undefined);
  for (let i = 1; ; i++) {
    const right = here.isRight(instance, tile, uses);
    if (!right || width !== 256 || i === REPEATS) return right;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
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
