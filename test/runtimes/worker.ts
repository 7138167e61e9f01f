import { globSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { convertV4MiniflareOptions, Miniflare, type Request, type Response } from "miniflare";
import { run } from "./programs.ts";

const WRANGLER = fileURLToPath(new URL("node_modules/wrangler/bin/wrangler.js", import.meta.url));
export const COMPATIBILITY_DATE = "2026-07-01";

/** `wrangler deploy` up to the upload: a Worker as Cloudflare would get it, in the project's folder out/. */
export async function bundleWorker(project: string, args: readonly string[] = []): Promise<string> {
  const folder = join(project, "out");
  await run(process.execPath, [WRANGLER, "deploy", ...args, "--dry-run", "--outdir", folder], {
    cwd: project,
    env: { WRANGLER_SEND_METRICS: "false", CI: "true" },
  });
  return folder;
}

const TYPES = { ".wasm": "CompiledWasm", ".safetensors": "Data" } as const;

/** What a Worker can ask, by the names of its bindings. */
type Services = Record<string, (request: Request) => Response>;

/** A bundled Worker in workerd. */
export function startWorker(
  folder: string,
  {
    compatibilityDate = COMPATIBILITY_DATE,
    services = {},
  }: { compatibilityDate?: string; services?: Services } = {},
): Miniflare {
  const others = Object.entries(TYPES).flatMap(([extension, type]) =>
    globSync(`*${extension}`, { cwd: folder }).map((file) => ({ type, path: join(folder, file) })),
  );
  const options = {
    compatibilityDate,
    serviceBindings: services,
    modulesRoot: folder,
    modules: [{ type: "ESModule" as const, path: join(folder, "worker.js") }, ...others],
  };
  return new Miniflare(convertV4MiniflareOptions(options));
}
