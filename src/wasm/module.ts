import { KernelError } from "../errors.ts";
import { chooseArithmetic } from "./builds.ts";

/** What comes instead of a module, and what to do with it; the first line that fits says so. */
const MISTAKEN: readonly (readonly [found: (given: unknown) => boolean, what: string, remedy: string])[] = [
  [
    (given) => given instanceof ArrayBuffer || ArrayBuffer.isView(given),
    "its bytes",
    "compile them: new WebAssembly.Module(bytes)",
  ],
  [
    (given) => typeof Response !== "undefined" && given instanceof Response,
    "a Response",
    "compile it: await WebAssembly.compileStreaming(response)",
  ],
  [(given) => typeof (given as PromiseLike<unknown>)?.then === "function", "a promise", "await it first"],
  [(given) => given instanceof WebAssembly.Instance, "a WebAssembly.Instance", "hand in its module"],
  [
    (given) => typeof given === "string" || given instanceof URL,
    "an address",
    "compile it: await WebAssembly.compileStreaming(fetch(url))",
  ],
  [
    (given) => given === undefined || given === null,
    "nothing",
    'import it: import kernels from "elbow-vae/kernels.wasm"',
  ],
  [() => true, "something else", "let the bundler pass .wasm files on as modules"],
];

/**
 * Makes sure that the kernels came as a module, and that the engine can run them: bundlers and runtimes differ in what
 * `import kernels from "….wasm"` gives.
 *
 * @throws {KernelError} when it is something else, with what to do about it
 */
export function expectModule(given: unknown): asserts given is WebAssembly.Module {
  chooseArithmetic("simd");
  // by its tag and not by its class, which differs between the realms of one process
  if (Object.prototype.toString.call(given) === "[object WebAssembly.Module]") return;
  const [, what, remedy] = MISTAKEN.find(([fits]) => fits(given))!;
  throw new KernelError({ setting: "the kernels", expected: "a WebAssembly.Module", found: what, remedy });
}
