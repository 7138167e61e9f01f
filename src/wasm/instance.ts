import type { instantiate as adapted } from "../../build/kernels.js";
import { KernelError } from "../errors.ts";
import type { Arithmetic } from "./builds.ts";
import { LAYOUT, STATIC_BYTES } from "./layout.ts";

/** What assembly/ exports, with the types that its compiler wrote when the build was made. */
export type Exports = Omit<Awaited<ReturnType<typeof adapted>>, "memory">;

/** An instance of one of our builds: the one place that touches a module's exports. */
export interface Instance {
  readonly exports: Exports;
  readonly memory: WebAssembly.Memory;
  /** How it rounds, as it says itself. */
  readonly arithmetic: Arithmetic;
}

/**
 * Instantiates a build of the kernels, over `memory` if it is a shared build, over its own memory otherwise. It must
 * have the constants of layout.ts.
 *
 * @throws {KernelError} when the module is not a build of this version's kernels
 */
export function instantiate(module: WebAssembly.Module, memory?: WebAssembly.Memory): Instance {
  const wanted = `a kernel build that ${memory ? "imports env.memory (shared)" : "owns its memory"}`;
  let exports: WebAssembly.Exports;
  try {
    exports = new WebAssembly.Instance(module, memory ? { env: { memory } } : {}).exports;
  } catch (cause) {
    throw mismatch(wanted, `one that does not instantiate: ${String(cause)}`, { cause });
  }
  expectConstant(exports, "LAYOUT", [LAYOUT]);
  const fused = expectConstant(exports, "FUSED", [0, 1]);
  const { heapBase, memory: own } = exports;
  const end = typeof heapBase === "function" ? Number(heapBase()) : Number.NaN;
  if (!(end <= STATIC_BYTES)) throw mismatch(`static data below byte ${STATIC_BYTES}`, `${end}`);
  if (!(own instanceof WebAssembly.Memory))
    throw mismatch(wanted, "a module that neither imports nor exports memory");
  if (memory && own !== memory) throw mismatch(wanted, "one that owns its memory");
  return { exports: exports as unknown as Exports, arithmetic: fused ? "relaxed" : "simd", memory: own };
}

function expectConstant(exports: WebAssembly.Exports, name: string, allowed: readonly number[]): number {
  const { [name]: global } = exports;
  const value: unknown = global instanceof WebAssembly.Global ? global.value : undefined;
  if (allowed.includes(value as number)) return value as number;
  throw mismatch(`this version's kernels (${name} ${allowed.join(" or ")})`, String(value ?? "none"));
}

/** What is thrown for a module that is not a build of these kernels. */
export function mismatch(expected: string, found: string, options?: ErrorOptions): KernelError {
  const remedy = "use the file that came with this package";
  return new KernelError({ setting: "the WebAssembly module", expected, found, remedy }, options);
}
