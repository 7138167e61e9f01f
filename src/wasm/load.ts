// Which kernels a model or a run works with: the best that the engine has, after they have shown that they compute.

import { KernelError } from "../errors.ts";
import { type Arithmetic, chooseArithmetic, findBuild, supportedArithmetic } from "./builds.ts";
import { type Platform, platform, type Width } from "./platform.ts";
import { findWrongKernel } from "./self-check.ts";
import { chooseTile, type TileName } from "./tiles.ts";

/** Kernels that have been checked. */
export interface LoadedKernels {
  readonly module: WebAssembly.Module;
  readonly arithmetic: Arithmetic;
  readonly tile: TileName;
  readonly width: Width;
}

/** What has been loaded already: compiling and checking again would show nothing new. */
const loaded = new WeakMap<Platform, Map<string, Promise<LoadedKernels>>>();

/**
 * Loads a build of the kernels for own or shared memory and compares small products of it with plain JavaScript. Where
 * an engine computes them wrongly, the next best choice is tried, and a warning says so: 128-bit code in place of
 * 256-bit code, a smaller tile, at last the other arithmetic, unless one was asked for.
 *
 * @param asked the arithmetic, where another will not do
 * @throws {KernelError} when there are no kernels, or none that this engine computes rightly
 */
export function loadKernels(shared: boolean, asked?: Arithmetic): Promise<LoadedKernels> {
  const here = platform();
  const known = loaded.get(here) ?? new Map<string, Promise<LoadedKernels>>();
  loaded.set(here, known);
  const key = JSON.stringify([shared, asked, here.asked(), here.engine()]);
  const loading = known.get(key) ?? loadFirstRight(here, shared, asked);
  known.set(key, loading);
  loading.catch(() => known.delete(key));
  return loading;
}

async function loadFirstRight(here: Platform, shared: boolean, asked?: Arithmetic): Promise<LoadedKernels> {
  const wrong: string[] = [];
  for (const arithmetic of arithmetics(asked ?? here.asked().arithmetic)) {
    for (const narrow of [false, true]) {
      if (narrow && !mayNarrow(here)) continue;
      if (narrow) here.narrow();
      for (const tile of tiles(here, arithmetic)) {
        const module = await here.compile(findBuild(arithmetic, shared));
        const width = here.engine().revectorized ? 256 : 128;
        const kernel = await findWrongKernel(module, { shared, tile, width });
        const name = `${arithmetic}, tile ${tile}, ${width}-bit`;
        if (kernel === undefined) {
          if (wrong.length > 0)
            here.warn(`this engine computes wrongly: ${wrong.join("; ")}; going on with ${name}`);
          return { module, arithmetic, tile, width };
        }
        wrong.push(`${kernel} (${name})`);
      }
    }
  }
  throw new KernelError(
    `expected an engine that computes the kernels rightly, but it is wrong in ${wrong.join("; ")}; ` +
      "use another version of it, or ELBOW_KERNELS=simd",
  );
}

function arithmetics(asked: Arithmetic | undefined): readonly Arithmetic[] {
  return asked === undefined
    ? [chooseArithmetic(), ...supportedArithmetic().slice(1)]
    : [chooseArithmetic(asked)];
}

/** 256-bit code is left where it was not asked for by name. */
function mayNarrow(here: Platform): boolean {
  return here.engine().revectorized && here.asked().width !== 256;
}

/** The tile that was asked for, or the best and the one that fits everywhere. */
function tiles(here: Platform, arithmetic: Arithmetic): readonly TileName[] {
  const { tile } = here.asked();
  if (tile !== undefined) return [tile];
  const best = chooseTile(arithmetic, here.engine());
  return best === "4x8" || here.engine().revectorized ? [best] : [best, "4x8"];
}
