import { chmod, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { PROJECT_KINDS } from "../../src/cli/project-kinds.ts";
import { serializeModel } from "../../src/formats/model-file.ts";
import { Vae } from "../../src/node.ts";
import { elbow, listing, ROOT, start, temporaryDirectory } from "./support.ts";

const dir = temporaryDirectory();
let model: string;

beforeAll(async () => {
  model = dir.at("model.safetensors");
  const vae = await Vae.create({ inputShape: [4, 4, 1], hidden: [8], latentDim: 2 });
  await writeFile(model, serializeModel(vae));
});

const init = (kind: string, name: string, ...rest: string[]) =>
  elbow(["init", kind, dir.at(name), "--model", model, ...rest]);

describe.each(PROJECT_KINDS)("elbow init %s", (kind) => {
  test("makes a project of its name with the model in it", async () => {
    const name = `my-own-${kind}`;
    const { code, stdout, stderr } = await init(kind, name);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`cd ${dir.at(name)} && npm install && npm start`);
    const files = await listing(dir.at(name));
    expect(files).toEqual(
      expect.arrayContaining([".gitignore", "README.md", "model.safetensors", "package.json"]),
    );
    expect(files).not.toContain("gitignore");
    expect(await readFile(dir.at(name, "model.safetensors"))).toEqual(await readFile(model));
    const manifest = JSON.parse(await readFile(dir.at(name, "package.json"), "utf8"));
    expect(manifest.name).toBe(name);
    for (const file of files!.filter((entry) => /\.(md|jsonc?|html)$/.test(entry))) {
      expect(await readFile(dir.at(name, file), "utf8")).not.toMatch(/\bmy-vae\b/);
    }
    // nothing is left beside it
    expect((await listing(dir.path))!.filter((entry) => entry.startsWith("."))).toEqual([]);
  });
});

test("the script runs as it is", async () => {
  await init("node", "script");
  // stands for npm install
  await mkdir(dir.at("script", "node_modules"));
  await symlink(ROOT, dir.at("script", "node_modules", "elbow-vae"), "junction");
  const { code, stdout, stderr } = await start(process.execPath, [dir.at("script", "main.js")]).end;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout.match(/score +\d+\.\d {2}mu -?\d\.\d\d -?\d\.\d\d\n/g)).toHaveLength(8);
});

describe("where there is something already", () => {
  test("a directory with a file in it stays as it is", async () => {
    await mkdir(dir.at("taken"));
    await writeFile(dir.at("taken", "mine.txt"), "mine");
    const { code, stderr } = await init("node", "taken");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /taken: expected no directory or an empty one, found one with files; give another name/,
    );
    expect(await listing(dir.at("taken"))).toEqual(["mine.txt"]);
  });

  test("a file stays as it is", async () => {
    await writeFile(dir.at("file"), "mine");
    const { code, stderr } = await init("node", "file");
    expect(code).toBe(1);
    expect(stderr).toMatch(/file: expected no directory or an empty one, found a file; give another name/);
    expect(await readFile(dir.at("file"), "utf8")).toBe("mine");
  });

  test("an empty directory gives way", async () => {
    await mkdir(dir.at("empty"));
    expect((await init("vite", "empty")).code).toBe(0);
    expect(await listing(dir.at("empty"))).toContain("index.html");
  });

  test("a project is not made twice", async () => {
    await init("node", "once");
    const before = await stat(dir.at("once", "main.js"));
    expect((await init("vite", "once")).code).toBe(1);
    expect((await stat(dir.at("once", "main.js"))).mtimeMs).toBe(before.mtimeMs);
  });
});

describe("what makes nothing", () => {
  test.each([
    [
      "no model",
      ["init", "node", "none"],
      2,
      /--model: expected a run directory or a model\.safetensors, found nothing.*elbow train/,
    ],
    [
      "a model that is not there",
      ["init", "node", "none", "--model", "gone"],
      1,
      /gone: expected a readable file, found no such file/,
    ],
    ["another kind", ["init", "deno", "none"], 2, /<kind>: expected worker, vite or node, found deno/],
    [
      "a name that npm would refuse",
      ["init", "node", "My VAE", "--model", "m"],
      2,
      /such as my-node, found My VAE/,
    ],
    ["the directory itself", ["init", "node", ".", "--model", "m"], 2, /such as my-node, found \./],
  ])("%s", async (_, line, code, message) => {
    const empty = dir.at(`empty-${code}-${line.length}-${line[2]!.length}`);
    await mkdir(empty, { recursive: true });
    const outcome = await elbow(line, { cwd: empty });
    expect(outcome.stderr).toMatch(message);
    expect(outcome.code).toBe(code);
    expect(await listing(empty)).toEqual([]);
  });

  test("a file that is no model", async () => {
    const { code, stderr } = await elbow(["init", "node", dir.at("none"), "--model", `${ROOT}package.json`]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/package\.json: .*; choose a safetensors file/);
    expect(await listing(dir.at("none"))).toBeUndefined();
  });

  test("a directory above that is not there", async () => {
    const { code, stderr } = await init("node", "gone/project");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /expected a writable path, found no such directory \(ENOENT\); make the directory first/,
    );
    expect(await listing(dir.at("gone"))).toBeUndefined();
  });

  test.skipIf(process.getuid?.() === 0)("a directory above that must not be written to", async () => {
    await mkdir(dir.at("locked"));
    await chmod(dir.at("locked"), 0o500);
    expect((await init("node", "locked/project")).stderr).toMatch(/no permission to write/);
    expect(await listing(dir.at("locked"))).toEqual([]);
  });
});

test("what somebody's npm made in examples/ is not copied", async () => {
  const { isSource } = await import("../../src/cli/init.ts");
  const example = pathToFileURL(`${ROOT}examples/worker/`);
  for (const made of ["node_modules", "dist", ".wrangler", "package-lock.json"]) {
    expect(isSource(new URL(made, example).pathname)).toBe(false);
  }
  expect(isSource(new URL("src/worker.ts", example).pathname)).toBe(true);
});
