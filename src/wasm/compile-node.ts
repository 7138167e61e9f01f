import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { DIGESTS } from "../../build/digests.js";
import { KernelError } from "../errors.ts";
import type { KernelBuild } from "./builds.ts";
import { wasNarrowed } from "./engine-node.ts";

/** A custom section without name or contents: it makes other bytes of a module, and no other module. */
const EMPTY_SECTION = [0, 1, 0];

/**
 * Compiles a build from the package's build/ folder, which stands beside src/ and dist/.
 *
 * @throws {KernelError} when there is no such file, or it has other bytes than the build had
 */
export async function compileNode({ file }: KernelBuild): Promise<WebAssembly.Module> {
  const url = new URL(`../../build/${file}`, import.meta.url);
  const fault = (found: string, remedy: string, options?: ErrorOptions): KernelError =>
    new KernelError({ setting: url.pathname, expected: "the kernels", found, remedy }, options);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await readFile(url);
  } catch (cause) {
    throw fault("no file", "run npm run build in a checkout", { cause });
  }
  if (createHash("sha256").update(bytes).digest("base64") !== DIGESTS[file]) {
    throw fault("a damaged file", "install elbow-vae again, or run npm run build in a checkout");
  }
  // Synchronously: it is a matter of a few milliseconds
  return new WebAssembly.Module(wasNarrowed() ? Uint8Array.of(...bytes, ...EMPTY_SECTION) : bytes);
}
