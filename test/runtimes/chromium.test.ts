// Chromium with the package's files as they are: pages that are cross-origin isolated, pages that are not, and servers
// that deliver something else.

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { callsTo, noChromium } from "./browser.ts";
import { expectPinned } from "./expected.ts";
import { PROJECT } from "./given.ts";

const PAGE = "static.html";

suite("Chromium, isolated", { skip: noChromium }, () => {
  const call = callsTo(PROJECT, PAGE, { isolated: true });
  test("elbow-vae/edge", async () => expectPinned("checks", await call("checkEdge")));
  test("elbow-vae on one worker", async () => expectPinned("checks", await call("checkMain", 1)));
  test("elbow-vae on two workers", async () => expectPinned("checks", await call("checkMain", 2)));
  test("elbow-vae on all cores", async () => expectPinned("checks", await call("checkMain")));
  test("the embedded digits", async () => expectPinned("digits", { sha256: await call("digits") }));
});

suite("Chromium, not isolated", { skip: noChromium }, () => {
  const call = callsTo(PROJECT, PAGE, { isolated: false });
  test("elbow-vae/edge", async () => expectPinned("checks", await call("checkEdge")));
  test("elbow-vae on one thread", async () => expectPinned("checks", await call("checkMain")));
  test("two workers are refused", async () => {
    const { name, message } = await call("fail", 2);
    assert.equal(name, "ConfigError");
    assert.match(
      message,
      /workers: expected 1 \(memory cannot be shared here\), found 2; .*Cross-Origin-Opener-Policy/,
    );
  });
});

suite("Chromium, HTML for kernels", { skip: noChromium }, () => {
  const call = callsTo(PROJECT, PAGE, { isolated: true, hidden: /\.wasm$/ });
  test("is a KernelError", async () => {
    const { name, message } = await call("fail", 1);
    assert.equal(name, "KernelError");
    assert.match(message, /http.*kernels.*\.wasm: expected the kernels as WebAssembly, found text\/html/);
  });
});

suite("Chromium, no kernels", { skip: noChromium }, () => {
  const call = callsTo(PROJECT, PAGE, { isolated: true, gone: /\.wasm$/ });
  test("is a KernelError", async () => {
    const { name, message } = await call("fail", 1);
    assert.equal(name, "KernelError");
    assert.match(message, /found HTTP status 404/);
  });
});

suite("Chromium, no worker script", { skip: noChromium }, () => {
  const call = callsTo(PROJECT, PAGE, { isolated: true, gone: /worker-web\.js$/ });
  test("is a WorkerError", async () => {
    const { name, message } = await call("fail", 2);
    assert.equal(name, "WorkerError");
    assert.match(message, /its script did not load/);
  });
});
