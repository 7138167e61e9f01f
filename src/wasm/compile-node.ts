import { readFile } from "node:fs/promises";
import { KernelError } from "../errors.ts";
import type { KernelBuild } from "./builds.ts";
import { wasNarrowed } from "./engine-node.ts";

/** A custom section without name or contents: it makes other bytes of a module, and no other module. */
const EMPTY_SECTION = [0, 1, 0];

/** Compiles a build from the package's build/ folder, which stands beside src/ and dist/. */
export async function compileNode({ file }: KernelBuild): Promise<WebAssembly.Module> {
  const url = new URL(`../../build/${file}`, import.meta.url);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await readFile(url);
  } catch (cause) {
    throw new KernelError(
      {
        setting: url.pathname,
        expected: "the kernels",
        found: "no file",
        remedy: "run npm run build in a checkout",
      },
      { cause },
    );
  }
  // Synchronously: it is a matter of a few milliseconds
  return new WebAssembly.Module(wasNarrowed() ? Uint8Array.of(...bytes, ...EMPTY_SECTION) : bytes);
}
