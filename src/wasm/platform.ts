import { KernelError } from "../errors.ts";
import type { Arithmetic, KernelBuild } from "./builds.ts";
import type { TileName } from "./kernels.ts";

/** How the package's kernels are found and compiled. The entry that is imported provides it, where it can. */
export interface Platform {
  /** Compiles one of the package's kernel builds. */
  compile(build: KernelBuild): Promise<WebAssembly.Module>;
  /** What the user asked for by ELBOW_KERNELS, where there is an environment. */
  arithmetic(): Arithmetic | undefined;
  /** The tile that suits the engine's compiler. */
  tile(arithmetic: Arithmetic): TileName;
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
