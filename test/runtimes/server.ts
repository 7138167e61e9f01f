import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export interface ServerOptions {
  /** Whether pages are cross-origin isolated. */
  readonly isolated: boolean;
  /** Files whose place is taken by the page, as servers of single-page apps do for what they do not know. */
  readonly hidden?: RegExp;
  /** Files that are not found. */
  readonly gone?: RegExp;
}

export interface StaticServer {
  readonly url: string;
  close(): void;
}

/** A page's import map does not reach its workers, so without a bundler the server names the file, as CDNs do. */
function resolveComlink(file: Buffer): string {
  return file.toString().replace(/from\s*"comlink"/, 'from "/node_modules/comlink/dist/esm/comlink.mjs"');
}

/** A server of a folder's files. */
export async function serve(
  folder: string,
  { isolated, hidden, gone }: ServerOptions,
): Promise<StaticServer> {
  const server = createServer(async ({ url = "/" }, response) => {
    const { pathname } = new URL(url, "http://localhost");
    const path = hidden?.test(pathname) ? "/static.html" : pathname.replace(/\/$/, "/index.html");
    try {
      if (gone?.test(path)) throw new Error("gone");
      const file = await readFile(join(folder, normalize(path)));
      const body = path.endsWith("/worker-web.js") ? resolveComlink(file) : file;
      const type = TYPES[extname(path)] ?? "application/octet-stream";
      response.writeHead(200, { "Content-Type": type, ...(isolated && ISOLATION) }).end(body);
    } catch {
      response.writeHead(404, isolated ? ISOLATION : {}).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, close: () => server.close() };
}
