// The package as a user has it: packed, and installed into an empty project.

import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { OWN_NODE } from "./engines.ts";
import { run, runFile } from "./programs.ts";

const APPS = fileURLToPath(new URL("apps/", import.meta.url));
const CHECKS = fileURLToPath(new URL("checks.js", import.meta.url));
const TOP = fileURLToPath(new URL("../../", import.meta.url));

/** `npm pack`: the file that would be published. */
export async function pack(folder: string): Promise<string> {
  const printed = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: TOP });
  // after what the build has printed
  const [{ filename }] = JSON.parse(printed.slice(printed.search(/^\[$/m))) as [{ filename: string }];
  return join(folder, filename);
}

/** Installs the package into an existing project. */
export async function install(
  tarball: string,
  project: string,
  flags: readonly string[] = [],
): Promise<void> {
  const quiet = ["--no-fund", "--no-audit", "--ignore-scripts"];
  await run("npm", ["install", ...quiet, ...flags, tarball], { cwd: project });
}

/** A project with nothing but the package, the checks and the files of apps/. */
export async function makeProject(folder: string, tarball: string): Promise<string> {
  const project = join(folder, "project");
  await mkdir(project);
  await writeFile(join(project, "package.json"), '{ "private": true, "type": "module" }\n');
  await install(tarball, project);
  await cp(APPS, project, { recursive: true });
  await cp(CHECKS, join(project, "checks.js"));
  await runFile(OWN_NODE, "make-model.js", project);
  return project;
}
