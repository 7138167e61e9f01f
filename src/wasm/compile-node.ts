import { readFile } from "node:fs/promises";
import { KernelError } from "../errors.ts";
import type { KernelBuild } from "./builds.ts";

/** Compiles a build from the package's build/ folder, which stands beside src/ and dist/. */
export async function compileNode({ file }: KernelBuild): Promise<WebAssembly.Module> {
  const url = new URL(`../../build/${file}`, import.meta.url);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await readFile(url);
  } catch (cause) {
    throw new KernelError(
      `expected the kernels at ${url.pathname}; in a checkout \`npm run build\` makes them`,
      {
        cause,
      },
    );
  }
  // Synchronously: it is a matter of a few milliseconds
  return new WebAssembly.Module(bytes);
}
