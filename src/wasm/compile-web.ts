import { KernelError } from "../errors.ts";
import type { KernelBuild } from "./builds.ts";

/** Spelled out one by one, so that bundlers see the files and carry them along. */
const URLS: Readonly<Record<string, URL>> = {
  "kernels.wasm": new URL("../../build/kernels.wasm", import.meta.url),
  "kernels.relaxed.wasm": new URL("../../build/kernels.relaxed.wasm", import.meta.url),
  "kernels.shared.wasm": new URL("../../build/kernels.shared.wasm", import.meta.url),
  "kernels.shared.relaxed.wasm": new URL("../../build/kernels.shared.relaxed.wasm", import.meta.url),
};

/** Fetches and compiles a build of the kernels. */
export async function compileWeb({ file }: KernelBuild): Promise<WebAssembly.Module> {
  const url = URLS[file];
  const response = await fetch(url);
  if (!response.ok)
    throw new KernelError(`expected the kernels at ${url.href}, found HTTP status ${response.status}`);
  const bytes = await response.arrayBuffer();
  if (!WebAssembly.validate(bytes)) {
    throw new KernelError(
      `expected WebAssembly at ${url.href}, found ${response.headers.get("content-type") ?? "something else"}; ` +
        "let the server deliver the package's build/ folder as it is",
    );
  }
  return await WebAssembly.compile(bytes);
}
