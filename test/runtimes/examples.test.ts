// What `elbow init` makes of a trained model, each installed, built and run as its README says.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { pathToFileURL } from "node:url";
import type { Miniflare } from "miniflare";
import sharp from "sharp";
import { build } from "vite";
import { noChromium, withPage } from "./browser.ts";
import { OWN_NODE } from "./engines.ts";
import { FOLDER, PROJECT, TARBALL } from "./given.ts";
import { run, runFile } from "./programs.ts";
import { install } from "./project.ts";
import { bundleWorker, startWorker } from "./worker.ts";

const { parseModel, Vae, digits } = (await import(
  pathToFileURL(join(PROJECT, "node_modules/elbow-vae/dist/node.js")).href
)) as typeof import("../../dist/node.js");

const RUN = join(FOLDER, "run");
const ELBOW = join(PROJECT, "node_modules/elbow-vae/dist/cli/main.js");

async function elbow(...args: string[]): Promise<void> {
  await run(OWN_NODE.binary, [ELBOW, ...args], { cwd: FOLDER });
}

/** The project of a kind, with the packed package for the published one, and without its tools: they are here. */
async function initialize(kind: string): Promise<string> {
  const project = join(FOLDER, `my-${kind}`);
  await elbow("init", kind, project, "--model", RUN);
  await install(TARBALL, project, ["--omit=dev"]);
  return project;
}

/** The model that the examples have, on the kernels that the Worker has. */
async function openModel() {
  const { config, tensors } = parseModel(await readFile(join(RUN, "model.safetensors")));
  return Vae.create(config, { tensors, arithmetic: "simd" });
}

/** Three images of 28 × 28. */
const ROWS = (await digits()).test.values.slice(0, 3 * 784);

before(() => elbow("train", "--data", "digits", "--epochs", "1", "--out", RUN, "--quiet"));

suite("elbow init worker", () => {
  let miniflare: Miniflare | undefined;
  let vae: Awaited<ReturnType<typeof openModel>>;
  before(async () => {
    const project = await initialize("worker");
    const settings = await readFile(join(project, "wrangler.jsonc"), "utf8");
    const [, compatibilityDate] = /"compatibility_date": "(.*)"/.exec(settings)!;
    miniflare = startWorker(await bundleWorker(project), { compatibilityDate: compatibilityDate! });
    vae = await openModel();
  });
  after(() => miniflare?.dispose());
  const get = (path: string) => miniflare!.dispatchFetch(`http://worker${path}`);
  const post = (path: string, body: Uint8Array | string, type: string) =>
    miniflare!.dispatchFetch(`http://worker${path}`, {
      method: "POST",
      body,
      headers: { "content-type": type },
    });
  const BYTES = "application/octet-stream";

  test("GET /sample.png is a PNG of the samples", async () => {
    const response = await get("/sample.png?n=5&seed=3");
    assert.equal(response.headers.get("content-type"), "image/png");
    const png = sharp(Buffer.from(await response.arrayBuffer()));
    // five images of 28 × 28 in a row, two black pixels around each
    const { width, height, format } = await png.metadata();
    assert.deepEqual({ width, height, format }, { width: 152, height: 32, format: "png" });
    const samples = vae.sample(5, { seed: 3 });
    for (let i = 0; i < 5; i++) {
      const place = { left: 2 + 30 * i, top: 2, width: 28, height: 28 };
      const pixels = await png.clone().extract(place).extractChannel(0).raw().toBuffer();
      const expected = samples.subarray(784 * i, 784 * (i + 1)).map((value) => Math.round(255 * value));
      assert.deepEqual([...pixels], [...expected]);
    }
  });
  test("POST /score gives the negative ELBO of every row", async () => {
    const expected = { scores: [...vae.score(ROWS, { samples: 4 })] };
    assert.deepEqual(await (await post("/score?samples=4", ROWS as Uint8Array, BYTES)).json(), expected);
  });
  test("POST /encode takes JSON and bytes", async () => {
    const { mu, logvar } = vae.encode(ROWS);
    const pairs = (values: Float32Array) => [0, 2, 4].map((start) => [...values.subarray(start, start + 2)]);
    const expected = { mu: pairs(mu), logvar: pairs(logvar) };
    assert.deepEqual(await (await post("/encode", ROWS as Uint8Array, BYTES)).json(), expected);
    const numbers = Array.from(ROWS, (value) => Math.fround(value / 255));
    const rows = [0, 1, 2].map((row) => numbers.slice(784 * row, 784 * (row + 1)));
    const found = (await (
      await post("/encode", JSON.stringify(rows), "application/json")
    ).json()) as typeof expected;
    for (const [row, codes] of found.mu.entries()) {
      for (const [i, code] of codes.entries()) assert.ok(Math.abs(code - expected.mu[row]![i]!) < 1e-5);
    }
  });
  test("a row that is too short is the sender's mistake", async () => {
    const response = await post("/score", "[[1, 2, 3]]", "application/json");
    assert.equal(response.status, 400);
    assert.match(((await response.json()) as { error: string }).error, /rows of 784 numbers/);
  });
});

suite("elbow init vite", { skip: noChromium }, () => {
  let folder = "";
  before(async () => {
    const root = await initialize("vite");
    await build({ root, logLevel: "warn" });
    folder = join(root, "dist");
  });
  test("the built page draws samples and decodes what the sliders say", async () => {
    await withPage(folder, async (page, url) => {
      await page.goto(url);
      const status = page.getByRole("status");
      await status.getByText("784 numbers a row, 2 latent dimensions").waitFor({ timeout: 20_000 });
      const drawn = (id: string) =>
        page.locator(id).evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
      const [samples, decoded] = [await drawn("#samples"), await drawn("#decoded")];
      await page.getByRole("button", { name: "Draw others" }).click();
      assert.notEqual(await drawn("#samples"), samples);
      await page.getByLabel("z1").fill("2");
      assert.notEqual(await drawn("#decoded"), decoded);
    });
  });
});

suite("elbow init node", () => {
  test("the script scores noise as stranger than samples", async () => {
    const printed = await runFile(OWN_NODE, "main.js", await initialize("node"));
    assert.match(printed, /^784 numbers a row, 2 latent dimensions$/m);
    const scores = (of: string) =>
      [...printed.matchAll(new RegExp(`^${of} +score +([0-9.]+) `, "gm"))].map(([, score]) => Number(score));
    assert.equal(scores("samples").length, 4);
    assert.ok(Math.max(...scores("samples")) < Math.min(...scores("noise")), printed);
  });
});
