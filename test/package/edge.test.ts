import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { describe, expect, test } from "vitest";
import { graphOf, spokenIn } from "./modules.ts";

const root = new URL("../../", import.meta.url);
const entry = new URL("dist/edge.js", root);

/** What an edge runtime does not allow, or what has no place in one. */
const FORBIDDEN = [
  /^(?:globalThis\.)?(?:eval|Function|Worker|SharedWorker|fetch|importScripts)$/,
  /^WebAssembly\.(?:compile|compileStreaming|instantiate|instantiateStreaming|Module)$/,
];

describe("what elbow-vae/edge loads", () => {
  const graph = graphOf(entry);
  const spoken = [...graph.values()];

  test("is the model, its files and the trainer, and nothing of any package or of Node", () => {
    const files = [...graph.keys()].map((url) => url.slice(root.href.length));
    for (const file of ["model/vae", "formats/model-file", "train/trainer"]) {
      expect(files).toContain(`dist/${file}.js`);
    }
    expect(spoken.flatMap(({ imports }) => imports).filter((name) => !/^\.\.?\//.test(name))).toEqual([]);
    expect(files.filter((file) => /pool|worker|spawn|-node|-web|cli\//.test(file))).toEqual([]);
  });

  test("makes no code at run time, starts no worker and fetches nothing", () => {
    const calls = spoken.flatMap(({ calls }) => calls);
    expect(calls).toContain("WebAssembly.Instance");
    expect(calls.filter((name) => FORBIDDEN.some((pattern) => pattern.test(name)))).toEqual([]);
  });

  test("and the test would see it", () => {
    const { imports, calls } = spokenIn(`
      import "node:fs"; import a from "comlink"; export * from "./b.js"; export { c } from "./c.js";
      // import "./comment.js"; eval("")
      const text = "new WebAssembly.Module(bytes)";
      eval(text); new Function(text); globalThis.eval(text); await WebAssembly.compile(text);
      new WebAssembly.Module(text); import("./d.js"); import(text); new Worker(text);
    `);
    expect([...imports].sort()).toEqual(["./b.js", "./c.js", "./d.js", "?", "comlink", "node:fs"]);
    expect(calls.filter((name) => FORBIDDEN.some((pattern) => pattern.test(name)))).toEqual([
      "eval",
      "Function",
      "globalThis.eval",
      "WebAssembly.compile",
      "WebAssembly.Module",
      "Worker",
    ]);
  });
});

test("all of it, minified, and the kernels are at most 25 KB after gzip", async () => {
  const input = fileURLToPath(entry);
  const built = await build({
    configFile: false,
    logLevel: "error",
    build: { write: false, target: "es2023", rolldownOptions: { input, preserveEntrySignatures: "strict" } },
  });
  if (!("output" in built)) throw new Error("expected one bundle");
  const chunks = built.output.map((file) => (file.type === "chunk" ? file.code : ""));
  expect(chunks).toHaveLength(1);
  // what was thrown away cannot be small: the bundle still offers everything
  for (const name of ["Vae", "train", "Trainer", "parseModel", "serializeModel", "KernelError"]) {
    expect(chunks[0]).toMatch(new RegExp(`export\\{[^}]*\\b(?:as )?${name}\\b`));
  }
  const kernels = readFileSync(new URL("build/kernels.wasm", root));
  const bytes = gzipSync(chunks[0], { level: 9 }).length + gzipSync(kernels, { level: 9 }).length;
  console.log(`elbow-vae/edge and its kernels: ${bytes} bytes after gzip`);
  expect(bytes).toBeLessThanOrEqual(25 * 1024);
});
