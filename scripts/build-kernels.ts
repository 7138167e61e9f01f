// Builds the four kernel binaries that asconfig.json describes, unless they are newer than all they are made from.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import process from "node:process";

interface Target {
  readonly outFile: string;
  /** Asks for the types of the exports, which src/wasm/instance.ts imports. */
  readonly bindings?: readonly string[];
}

const { targets } = JSON.parse(readFileSync("asconfig.json", "utf8")) as { targets: Record<string, Target> };
const sources = [
  "asconfig.json",
  "package-lock.json",
  "src/wasm/layout.ts",
  ...readdirSync("assembly").map((name) => `assembly/${name}`),
];

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

const newest = Math.max(...sources.map(modified));
for (const [target, { outFile, bindings }] of Object.entries(targets)) {
  const named = (extension: string): string => outFile.replace(/wasm$/, extension);
  if (Math.min(...[outFile, ...(bindings ? [named("d.ts")] : [])].map(modified)) > newest) continue;
  const compiler = "node_modules/assemblyscript/bin/asc.js";
  execFileSync(process.execPath, [compiler, "--target", target], { stdio: "inherit" });
  rmSync(named("js"), { force: true }); // comes with the types, and nothing needs it
  console.log(`built ${outFile}`);
}
