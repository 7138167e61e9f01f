import { KernelError } from "../errors.ts";
import type { Arithmetic, KernelBuild } from "./builds.ts";
import type { Engine, TileName } from "./tiles.ts";

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

/** How the package's kernels are found and compiled. The entry that is imported provides it, where it can. */
export interface Platform {
  /** Compiles one of the package's kernel builds. */
  compile(build: KernelBuild): Promise<WebAssembly.Module>;
  /** What the user asked for by ELBOW_KERNELS, where there is an environment. */
  asked(): AskedKernels;
  /** What is known about the engine, as it is set now. */
  engine(): Engine;
  /** Has the engine compile without 256-bit vectors from now on. */
  narrow(): void;
  /** Tells whoever runs the program something that is no error. */
  warn(message: string): void;
}

let current: Platform | undefined;

/** Called once, by the entry (src/node.ts, src/index.ts). */
export function usePlatform(platform: Platform): void {
  current = platform;
}

/** @throws {KernelError} when no entry has provided one */
export function platform(): Platform {
  if (!current) {
    throw new KernelError(
      'the kernels can be loaded by name only where that is known how: import from "elbow-vae", ' +
        "or compile elbow-vae/kernels.wasm and use Vae.fromModule",
    );
  }
  return current;
}
