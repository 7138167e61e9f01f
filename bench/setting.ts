import { type Arithmetic, findBuild, type KernelBuild } from "../src/wasm/builds.ts";
import { platform } from "../src/wasm/platform.ts";
import type { Engine, TileName } from "../src/wasm/tiles.ts";
import type { Budget } from "./measure.ts";
import type { Options } from "./options.ts";
import { derivePeak, type Peak } from "./peak.ts";

/** What every section measures with: the build that training would use here, its tile, and the peak. */
export interface Setting {
  readonly options: Options;
  readonly engine: Engine;
  readonly arithmetic: Arithmetic;
  readonly build: KernelBuild;
  readonly module: WebAssembly.Module;
  readonly tile: TileName;
  readonly peak: Peak;
  readonly budget: Budget;
}

export async function settle(options: Options, engine: Engine): Promise<Setting> {
  const { arithmetic, module, tile } = await platform().load(true);
  const build = findBuild(arithmetic, true);
  return {
    options,
    engine,
    arithmetic,
    build,
    module,
    tile,
    peak: derivePeak(engine, arithmetic, options.quick),
    budget: options.quick ? { time: 60, warmup: 40 } : { time: 400, warmup: 150 },
  };
}

/** The default model at the default batch: what all sections but the sweep are about. */
export const SHAPE = { inputDim: 784, hidden: 400, latentDim: 2, batch: 128 } as const;
