import { KernelError } from "../errors.ts";
import type { Arithmetic } from "./builds.ts";
import type { Instance } from "./instance.ts";
import type { TileName } from "./tiles.ts";

/** Bits of the vectors that the engine makes of the kernels' 128-bit ones. */
export type Width = 128 | 256;

/** What a user may ask for; what is left out is chosen. */
export interface AskedKernels {
  /** Decides how sums round. */
  readonly arithmetic?: Arithmetic | undefined;
  /** These decide time alone. */
  readonly tile?: TileName | undefined;
  readonly width?: Width | undefined;
}

/** Kernels that passed the self-check here. */
export interface LoadedKernels {
  readonly module: WebAssembly.Module;
  readonly arithmetic: Arithmetic;
  readonly tile: TileName;
  readonly width: Width;
}

/** What is checked of an instance. */
export type Checkable = Pick<Instance, "exports" | "memory">;

/** What decides which kernels a model uses. */
export interface Uses {
  readonly activation: string;
  readonly likelihood: string;
}

/** How the package's kernels are found. The entry that is imported provides it, where it can. */
export interface Platform {
  /**
   * The best of the package's kernels for such a model on this engine, over shared memory or their own.
   *
   * @param arithmetic where another will not do
   * @throws {KernelError} when there are none, or none that this engine computes rightly
   */
  load(shared: boolean, uses: Uses, arithmetic?: Arithmetic): Promise<LoadedKernels>;
  /** What the user asked for by ELBOW_KERNELS, where there is an environment. */
  asked(): AskedKernels;
}

let current: Platform | undefined;

/** Called once, by the entry (src/node.ts, src/index.ts). */
export function usePlatform(platform: Platform): void {
  current = platform;
}

/** @throws {KernelError} when no entry has provided one */
export function platform(): Platform {
  if (!current) {
    throw new KernelError({
      setting: "Vae.create",
      expected: "an entry that can load the kernels",
      found: "elbow-vae/edge",
      remedy: 'import from "elbow-vae", or compile elbow-vae/kernels.wasm and use Vae.fromModule',
    });
  }
  return current;
}
