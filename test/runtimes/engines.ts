import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** A runtime that runs a JavaScript file from a command line. */
export interface Engine {
  readonly name: string;
  readonly binary: string;
  /** What stands before the file. */
  readonly args: readonly string[];
  /** Why it cannot run here; absent where it can. */
  readonly missing?: string;
}

const HERE = `${process.platform} ${process.arch}`;

interface Packaged {
  /** For each machine the package, and where in it the binary is. */
  readonly packages: Readonly<Record<string, readonly [name: string, path: string]>>;
  readonly args?: readonly string[];
}

function find(name: string, { packages, args = [] }: Packaged): Engine {
  const missing = { name, args, binary: "", missing: `test/runtimes has no ${name} for ${HERE}` };
  const found = packages[HERE];
  if (!found) return missing;
  const folder = fileURLToPath(new URL(`node_modules/${found[0]}/`, import.meta.url));
  if (!existsSync(`${folder}${found[1]}`)) return missing;
  const { version } = JSON.parse(readFileSync(`${folder}package.json`, "utf8")) as { version: string };
  return { name: `${name.split(" ")[0]} ${version.replace("v", "")}`, args, binary: `${folder}${found[1]}` };
}

function findNode(major: number): Engine {
  return find(`Node ${major}`, {
    packages: {
      "linux x64": [`node-${major}-linux-x64`, "bin/node"],
      "linux arm64": [`node-${major}-linux-arm64`, "bin/node"],
    },
  });
}

/** The Node that this runs on, which is the top package's pinned one. */
export const OWN_NODE: Engine = { name: `Node ${process.versions.node}`, binary: process.execPath, args: [] };

export const ENGINES: readonly Engine[] = [
  findNode(20),
  findNode(22),
  findNode(24),
  OWN_NODE,
  find("Deno", {
    packages: {
      "linux x64": ["@deno/linux-x64-glibc", "deno"],
      "linux arm64": ["@deno/linux-arm64-glibc", "deno"],
      "darwin arm64": ["@deno/darwin-arm64", "deno"],
    },
    args: ["run", "--allow-all"],
  }),
  find("Bun", {
    packages: {
      "linux x64": ["@oven/bun-linux-x64", "bin/bun"],
      "linux arm64": ["@oven/bun-linux-aarch64", "bin/bun"],
      "darwin arm64": ["@oven/bun-darwin-aarch64", "bin/bun"],
    },
  }),
];
