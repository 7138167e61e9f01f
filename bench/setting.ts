import { VAE_DEFAULTS } from "../src/model/config.ts";
import { type Arithmetic, findBuild, type KernelBuild } from "../src/wasm/builds.ts";
import { platform } from "../src/wasm/platform.ts";
import type { Engine, TileName } from "../src/wasm/tiles.ts";
import type { Budget } from "./measure.ts";
import type { Options } from "./options.ts";
import { derivePeak, type Peak } from "./peak.ts";

/** The build that training would use here, and its tile. */
export interface KernelSetting {
  readonly arithmetic: Arithmetic;
  readonly build: KernelBuild;
  readonly module: WebAssembly.Module;
  readonly tile: TileName;
}

/** What every section measures with. */
export interface Setting extends KernelSetting {
  readonly options: Options;
  readonly engine: Engine;
  readonly peak: Peak;
  readonly budget: Budget;
}

export async function loadKernels(): Promise<KernelSetting> {
  const { arithmetic, module, tile } = await platform().load(true, VAE_DEFAULTS);
  return { arithmetic, module, tile, build: findBuild(arithmetic, true) };
}

export async function settle(options: Options, engine: Engine): Promise<Setting> {
  const kernels = await loadKernels();
  const peak = derivePeak(engine, kernels.arithmetic, options.quick);
  const budget = options.quick ? { time: 60, warmup: 40 } : { time: 400, warmup: 150 };
  return { ...kernels, options, engine, peak, budget };
}

/** The default model at the default batch, which all sections but the sweep measure, and about MNIST's density. */
export const SHAPE = { inputDim: 784, hidden: 400, latentDim: 2, batch: 128, density: 0.19 } as const;
