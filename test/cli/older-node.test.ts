/** The package as it is published, on the Node that the machine has beside the one that this repository pins. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { expect, test } from "vitest";
import { ALL_FILES, listing, ROOT, start, temporaryDirectory, writeDigits } from "./support.ts";

const MAIN = join(ROOT, "dist/cli/main.js");
/** What package.json asks for. */
const [LEAST_MAJOR, LEAST_MINOR] = [20, 19];

/** The first other Node on the PATH that the package supports. */
function olderNode(): string | undefined {
  const own = process.versions.node.split(".")[0];
  for (const directory of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(directory, process.platform === "win32" ? "node.exe" : "node");
    if (directory.includes("node_modules") || !existsSync(path)) continue;
    const version = execFileSync(path, ["--version"], { encoding: "utf8" });
    const [major, minor] = version.slice(1).split(".").map(Number) as [number, number];
    const supported = major > LEAST_MAJOR || (major === LEAST_MAJOR && minor >= LEAST_MINOR);
    if (supported && String(major) !== own) return path;
  }
  return undefined;
}

const node = existsSync(MAIN) ? olderNode() : undefined;
const dir = temporaryDirectory();
const name = node
  ? `the built command runs on ${node}`
  : "the built command, on another Node of this machine (there is none, or no build)";

test.skipIf(node === undefined)(name, async () => {
  await writeDigits(dir.at("idx"));
  const run = (...args: string[]): ReturnType<typeof start>["end"] =>
    start(node!, [MAIN, ...args], { cwd: dir.path }).end;
  const train = await run("train", "--data", "idx", "--hidden", "16", "--epochs", "2", "--out", "run");
  expect(train.stderr).toBe("");
  expect(train.code).toBe(0);
  expect(train.stdout).toMatch(/^Epoch 2, Loss: /m);
  expect(await listing(dir.at("run"))).toEqual(ALL_FILES);
  const [evaluate, wrong] = await Promise.all([run("evaluate", "run"), run("train", "--epochs", "0")]);
  expect(evaluate!.stdout).toMatch(/negative ELBO +\d/);
  expect(wrong!.code).toBe(2);
});
