import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { beforeAll, expect, test } from "vitest";
import { elbow, listing, ROOT, start, temporaryDirectory, writeDigits } from "./support.ts";

const dir = temporaryDirectory();
const LINE = ["train", "--data", "idx", "--hidden", "16", "--epochs", "1"];
beforeAll(() => writeDigits(dir.at("idx")));

// What Node throws where a container's limit of processes is reached, at the second thread.
const REFUSES = `
  import { createRequire, syncBuiltinESMExports } from "node:module";
  const threads = createRequire(process.cwd() + "/")("node:worker_threads");
  let left = 1;
  threads.Worker = class extends threads.Worker {
    constructor(...given) {
      if (left-- === 0) throw new Error("Worker initialization failure: EAGAIN");
      super(...given);
    }
  };
  syncBuiltinESMExports();
`;

test("a system that starts no further thread: one line, and the process ends", async () => {
  const preload = `data:text/javascript,${encodeURIComponent(REFUSES)}`;
  const { code, stderr } = await elbow([...LINE, "--workers", "3", "--out", "refused"], {
    cwd: dir.path,
    nodeFlags: ["--import", preload],
  });
  expect(stderr).toBe(
    "elbow: --workers: expected 3 threads, found 1 (Worker initialization failure: EAGAIN); use fewer, or let the system allow more\n",
  );
  expect(code).toBe(1);
  expect(await listing(dir.at("refused"))).toBeUndefined();
});

test("a package with a damaged build: one line, and no other model", async () => {
  for (const folder of ["dist", "build", "package.json"]) {
    await cp(join(ROOT, folder), dir.at("package", folder), { recursive: true });
  }
  await symlink(join(ROOT, "node_modules"), dir.at("package", "node_modules"), "junction");
  for (const name of (await listing(dir.at("package", "build")))!.filter((name) => name.endsWith(".wasm"))) {
    const bytes = await readFile(dir.at("package", "build", name));
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(dir.at("package", "build", name), bytes);
  }
  const main = dir.at("package", "dist/cli/main.js");
  const { code, stderr } = await start(process.execPath, [main, ...LINE, "--out", "damaged"], {
    cwd: dir.path,
  }).end;
  expect(stderr).toMatch(
    /^elbow: [^\n]+kernels[^\n]*\.wasm: expected the kernels, found a damaged file; install elbow-vae again, or run npm run build in a checkout\n$/,
  );
  expect(code).toBe(1);
  expect(await listing(dir.at("damaged"))).toBeUndefined();
});
