import { globSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";

/** Bundles a Worker as wrangler does: WebAssembly stays a file of its own and comes as a module. */
export async function bundleWorker(entry: string, outdir: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outdir,
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    loader: { ".wasm": "copy" },
    logLevel: "warning",
  });
}

/** Runs a bundled Worker in workerd. */
export function startWorker(outdir: string, main: string, compatibilityDate = "2026-01-01"): Miniflare {
  return new Miniflare({
    compatibilityDate,
    modulesRoot: outdir,
    modules: [
      { type: "ESModule", path: join(outdir, main) },
      ...globSync("*.wasm", { cwd: outdir }).map((file) => ({
        type: "CompiledWasm" as const,
        path: join(outdir, file),
      })),
    ],
  });
}
