/** `elbow init`: a small project around a model, copied from examples/. */
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { shellWord } from "../codecs/quote.ts";
import { ConfigError, FileError } from "../errors.ts";
import { writeError } from "../files/file-node.ts";
import { readWhole } from "../files/read-node.ts";
import { RUN_FILES } from "../runs/run-directory-node.ts";
import { openFile } from "./open-model.ts";
import { print } from "./output.ts";
import type { ProjectKind } from "./project-kinds.ts";

export interface InitFlags {
  readonly model?: string;
}

/** Two folders above, in a checkout and in the package. */
const EXAMPLES = new URL("../../examples/", import.meta.url);
/** The name of every project in examples/. */
const PLACEHOLDER = /\bmy-vae\b/g;
/** A name that npm and Cloudflare both accept. */
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export async function initCommand(kind: ProjectKind, path: string, flags: InitFlags): Promise<void> {
  const name = basename(path);
  if (!NAME.test(name)) {
    const expected = `a name of lower-case letters, digits and dashes, such as my-${kind}`;
    throw new ConfigError({ setting: "<name>", expected, found: name || path });
  }
  if (flags.model === undefined) {
    const expected = "a run directory or a model.safetensors";
    const remedy = "train a model with `elbow train`";
    throw new ConfigError({ setting: "--model", expected, found: "nothing", remedy });
  }
  await expectEmpty(path);
  const model = await openFile(flags.model);
  const bytes = await readWhole(model.path);
  await appear(path, async (directory) => {
    await cp(fileURLToPath(new URL(kind, EXAMPLES)), directory, { recursive: true, filter: isSource });
    await nameProject(directory, name);
    // npm does not publish files named .gitignore
    await rename(join(directory, "gitignore"), join(directory, ".gitignore"));
    await writeFile(join(directory, RUN_FILES.model), bytes);
  });
  print(`${path}: ${kind === "worker" ? "a Cloudflare Worker" : `a ${kind} project`} around ${model.path}`);
  print(`Next: cd ${shellWord(path)} && npm install && npm start`);
}

/** False for what npm and builds leave in a checkout. */
export function isSource(path: string): boolean {
  return !["node_modules", "dist", ".wrangler", "package-lock.json"].includes(basename(path));
}

/** Replaces the example's name by the project's in all files. */
async function nameProject(directory: string, name: string): Promise<void> {
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace(PLACEHOLDER, name));
  }
}

/** @throws {FileError} when there is something already */
async function expectEmpty(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there === undefined || (there.isDirectory() && (await readdir(path)).length === 0)) return;
  const found = there.isDirectory() ? "one with files" : "a file";
  const expected = "no directory or an empty one";
  throw new FileError({ setting: path, expected, found, remedy: "give another name" });
}

/**
 * Makes a directory atomically: filled beside its place, then renamed.
 *
 * @throws {FileError} when it cannot be made; nothing is left behind then
 */
async function appear(path: string, fill: (directory: string) => Promise<void>): Promise<void> {
  let temporary: string | undefined;
  try {
    temporary = await mkdtemp(join(dirname(resolve(path)), `.${basename(path)}-`));
    const project = join(temporary, "project");
    await mkdir(project); // with the permissions of any new directory, unlike the temporary one
    await fill(project);
    await rmdir(path).catch(() => {}); // an empty one is replaced
    await rename(project, path);
  } catch (cause) {
    throw writeError(path, cause);
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  }
}
