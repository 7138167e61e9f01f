// npm run test:runtimes [-- NAME…] [-- --pin]: the package, packed and installed, in every runtime.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { OWN_NODE } from "./engines.ts";
import { pin, type Results } from "./expected.ts";
import { run, runFile } from "./programs.ts";
import { makeProject, pack } from "./project.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));

const { values: options, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { pin: { type: "boolean", default: false } },
});

function modified(file: string): number {
  return statSync(join(HERE, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Installs the runtimes, unless what is there is newer than the lock file. */
async function installRuntimes(): Promise<void> {
  if (modified("node_modules/.package-lock.json") >= modified("package-lock.json")) return;
  console.error("installing the runtimes (npm ci in test/runtimes, 1.2 GB) …");
  await run("npm", ["ci"], { cwd: HERE });
}

async function test(folder: string): Promise<number> {
  const tarball = await pack(folder);
  const project = await makeProject(folder, tarball);
  if (options.pin) {
    const found = JSON.parse(await runFile(OWN_NODE, "main.js", project)) as Record<string, Results>;
    pin({ checks: found.edge!, digits: found.digits! });
    return 0;
  }
  const named = (file: string): boolean =>
    wanted.length === 0 || wanted.some((name) => basename(file).startsWith(name));
  const files = globSync("*.test.ts", { cwd: HERE }).filter(named).sort();
  const args = ["--test", "--test-concurrency=1", "--test-reporter=./reporter.ts", ...files];
  const tests = spawn(process.execPath, args, {
    cwd: HERE,
    stdio: "inherit",
    env: { ...process.env, ELBOW_FOLDER: folder, ELBOW_TARBALL: tarball, ELBOW_PROJECT: project },
  });
  const [code] = (await once(tests, "exit")) as [number | null];
  return code ?? 1;
}

await installRuntimes();
// far from this checkout, so that nothing is found in its node_modules
const folder = await mkdtemp(join(tmpdir(), "elbow-runtimes-"));
try {
  process.exitCode = await test(folder);
} finally {
  await rm(folder, { recursive: true });
}
