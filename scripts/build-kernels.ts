// Builds the four kernel binaries that asconfig.json describes, unless they are newer than all they are made from, and a
// module of their checksums, by which a damaged one is noticed when it is loaded.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
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

const digests = Object.values(targets).map(({ outFile }) => {
  const digest = createHash("sha256").update(readFileSync(outFile)).digest("base64");
  return [basename(outFile), digest] as const;
});
writeWhereOther(
  "build/digests.js",
  `export const DIGESTS = ${JSON.stringify(Object.fromEntries(digests), undefined, 2)};\n`,
);
writeWhereOther(
  "build/digests.d.ts",
  "/** SHA-256 of each build, in base64. */\nexport declare const DIGESTS: Readonly<Record<string, string>>;\n",
);

/** Other programs may be reading it: it is left alone where it is right. */
function writeWhereOther(path: string, text: string): void {
  if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileSync(path, text);
}
