// Builds the four kernel binaries that asconfig.json describes, unless they are newer than all they are made from.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import process from "node:process";

interface AsConfig {
  readonly targets: Readonly<Record<string, { readonly outFile: string }>>;
}

const targets = Object.entries((JSON.parse(readFileSync("asconfig.json", "utf8")) as AsConfig).targets);
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
for (const [target, { outFile }] of targets) {
  if (modified(outFile) > newest) continue;
  const compiler = "node_modules/assemblyscript/bin/asc.js";
  execFileSync(process.execPath, [compiler, "--target", target], { stdio: "inherit" });
  console.log(`built ${outFile}`);
}
