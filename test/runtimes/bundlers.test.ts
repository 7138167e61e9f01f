// A page built by Vite and by webpack with nothing set for Elbow, opened in Chromium.

import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { before, suite, test } from "node:test";
import { promisify } from "node:util";
import { build } from "vite";
import webpack from "webpack";
import { callsTo, noChromium } from "./browser.ts";
import { expectPinned } from "./expected.ts";
import { PROJECT } from "./given.ts";

async function buildByVite(folder: string): Promise<void> {
  await build({
    root: PROJECT,
    configFile: false,
    logLevel: "warn",
    build: { outDir: folder, rolldownOptions: { input: join(PROJECT, "vite.html") } },
  });
}

async function buildByWebpack(folder: string): Promise<void> {
  const compiler = webpack({
    mode: "production",
    context: PROJECT,
    entry: "./webpack.js",
    output: { path: folder },
  });
  const stats = await promisify(compiler.run.bind(compiler))();
  assert.ok(stats && !stats.hasErrors() && !stats.hasWarnings(), stats?.toString() ?? "no stats");
  await copyFile(join(PROJECT, "webpack.html"), join(folder, "webpack.html"));
}

const BUNDLERS = [
  { name: "Vite", page: "vite.html", bundle: buildByVite },
  { name: "webpack", page: "webpack.html", bundle: buildByWebpack },
];

for (const { name, page, bundle } of BUNDLERS) {
  suite(name, { skip: noChromium }, () => {
    const folder = join(PROJECT, `${name}-build`);
    before(async () => {
      await bundle(folder);
      await copyFile(join(PROJECT, "model.safetensors"), join(folder, "model.safetensors"));
    });
    const call = callsTo(folder, page, { isolated: true });
    test("elbow-vae/edge", async () => expectPinned("checks", await call("checkEdge")));
    test("elbow-vae on one worker", async () => expectPinned("checks", await call("checkMain", 1)));
    test("elbow-vae on two workers", async () => expectPinned("checks", await call("checkMain", 2)));
    test("errors keep their names", async () => assert.equal((await call("fail", -1)).name, "ConfigError"));
  });
}
