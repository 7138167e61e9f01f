// workerd, the runtime of Cloudflare Workers, through miniflare.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { Miniflare } from "miniflare";
import { expectPinned, type Results } from "./expected.ts";
import { PROJECT } from "./given.ts";
import { bundleWorker, COMPATIBILITY_DATE, startWorker } from "./worker.ts";

suite("workerd", () => {
  let miniflare: Miniflare | undefined;
  before(async () => {
    const args = ["worker.js", "--name", "checks", "--compatibility-date", COMPATIBILITY_DATE];
    miniflare = startWorker(await bundleWorker(PROJECT, args));
    await miniflare.ready;
  });
  after(() => miniflare?.dispose());

  async function ask<Answer>(task: string): Promise<Answer> {
    const body = await readFile(join(PROJECT, "model.safetensors"));
    const response = await miniflare!.dispatchFetch(`http://worker/?task=${task}`, { method: "POST", body });
    assert.equal(response.status, 200, response.ok ? "" : await response.text());
    return (await response.json()) as Answer;
  }

  test("elbow-vae/edge", async () => expectPinned("checks", await ask<Results>("edge")));
  test("elbow-vae is the edge entry", async () => expectPinned("checks", await ask<Results>("main")));
  test("bytes for kernels are a KernelError", async () => {
    const { known, name, message } = await ask<{ known: boolean; name: string; message: string }>("bytes");
    assert.ok(known);
    assert.equal(name, "KernelError");
    assert.match(message, /the kernels: expected a WebAssembly.Module, found its bytes/);
  });
});
