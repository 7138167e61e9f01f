// The packed package as tools see it that know how packages go wrong.

import assert from "node:assert/strict";
import { openAsBlob } from "node:fs";
import process from "node:process";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { TARBALL } from "./given.ts";
import { run } from "./programs.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ATTW = fileURLToPath(new URL("node_modules/@arethetypeswrong/cli/dist/index.js", import.meta.url));
const TSC = fileURLToPath(new URL("node_modules/typescript/bin/tsc", import.meta.url));

suite("the package", () => {
  test("publint has nothing to say", async () => {
    const tarball = await (await openAsBlob(TARBALL)).arrayBuffer();
    const { messages, pkg } = await publint({ pack: { tarball } });
    assert.deepEqual(
      messages.map((message) => formatMessage(message, pkg)),
      [],
    );
  });
  test("are the types wrong? no", async () => {
    // It ends with 1 on a finding. The package has ES modules only, which esm-only knows for intended.
    await run(process.execPath, [ATTW, TARBALL, "--profile", "esm-only"], { cwd: HERE });
  });
  test("the types of these tests hold", async () => {
    await run(process.execPath, [TSC, "--noEmit", "--project", HERE], { cwd: HERE });
  });
});
