import { DIGESTS } from "../../build/digests.js";
import { KernelError } from "../errors.ts";
import type { KernelBuild } from "./builds.ts";

/** Spelled out one by one, so that bundlers see the files and carry them along. */
const URLS: Readonly<Record<string, URL>> = {
  "kernels.wasm": new URL("../../build/kernels.wasm", import.meta.url),
  "kernels.relaxed.wasm": new URL("../../build/kernels.relaxed.wasm", import.meta.url),
  "kernels.shared.wasm": new URL("../../build/kernels.shared.wasm", import.meta.url),
  "kernels.shared.relaxed.wasm": new URL("../../build/kernels.shared.relaxed.wasm", import.meta.url),
};

/**
 * Fetches and compiles a build of the kernels.
 *
 * @throws {KernelError} when the server delivers something else
 */
export async function compileWeb({ file }: KernelBuild): Promise<WebAssembly.Module> {
  const url = URLS[file];
  const response = await fetch(url);
  const fault = (found: string): KernelError => {
    const remedy = "let the server deliver the package's build/ folder as it is";
    return new KernelError({ setting: url.href, expected: "the kernels as WebAssembly", found, remedy });
  };
  if (!response.ok) throw fault(`HTTP status ${response.status}`);
  const bytes = await response.arrayBuffer();
  const type = response.headers.get("content-type") ?? "something else";
  const damaged = type.startsWith("application/wasm") ? "damaged ones" : type;
  if (!WebAssembly.validate(bytes)) throw fault(damaged);
  // a page from plain http has no Web Crypto; there the self-check alone notices other kernels
  const digest = await globalThis.crypto?.subtle?.digest("SHA-256", bytes);
  if (digest && btoa(String.fromCharCode(...new Uint8Array(digest))) !== DIGESTS[file]) throw fault(damaged);
  return await WebAssembly.compile(bytes);
}
