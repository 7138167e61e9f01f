import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Arithmetic } from "../src/wasm/builds.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const COMPILER = join(ROOT, "node_modules/assemblyscript/bin/asc.js");

/** The optimisation that asconfig.json asks for the kernels themselves. */
const OPTIONS = ["--optimizeLevel", "3", "--shrinkLevel", "0", "--runtime", "stub", "--noAssert"];

/** Compiles a module of bench/assembly with the kernels' own options. */
export function assemble(name: string, arithmetic: Arithmetic): WebAssembly.Instance {
  const folder = mkdtempSync(join(tmpdir(), "elbow-bench-"));
  const output = join(folder, `${name}.wasm`);
  const enable = arithmetic === "relaxed" ? "simd,relaxed-simd" : "simd";
  try {
    const args = [`bench/assembly/${name}.ts`, ...OPTIONS, "--enable", enable, "--outFile", output];
    execFileSync(process.execPath, [COMPILER, ...args], {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "inherit"],
    });
    return new WebAssembly.Instance(new WebAssembly.Module(readFileSync(output)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** An exported function, or a plain word that the module is not what was expected. */
export function exportedFunction(
  instance: WebAssembly.Instance,
  name: string,
): (...args: number[]) => number {
  const found = instance.exports[name];
  if (typeof found !== "function") throw new Error(`the bench module has no function ${name}`);
  return found as (...args: number[]) => number;
}
