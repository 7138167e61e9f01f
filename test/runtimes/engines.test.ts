// Node, Deno and Bun: both entries, one worker and two, to the same bytes.

import { before, suite, test } from "node:test";
import { ENGINES } from "./engines.ts";
import { expectPinned, type Results } from "./expected.ts";
import { PROJECT } from "./given.ts";
import { runFile } from "./programs.ts";

type Found = Readonly<Record<"edge" | "one" | "two" | "digits", Results>>;

for (const engine of ENGINES) {
  suite(engine.name, { skip: engine.missing ?? false }, () => {
    let found: Found;
    before(async () => {
      found = JSON.parse(await runFile(engine, "main.js", PROJECT)) as Found;
    });
    test("elbow-vae/edge", () => expectPinned("checks", found.edge));
    test("elbow-vae on one worker", () => expectPinned("checks", found.one));
    test("elbow-vae on two workers", () => expectPinned("checks", found.two));
    test("the embedded digits", () => expectPinned("digits", found.digits));
  });
}
