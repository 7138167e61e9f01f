import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Sample, samplesIn } from "./samples.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const run = promisify(execFile);

const pages = ["README.md", ...globSync("docs/*.md", { cwd: root }).sort()];
const samples = pages.flatMap((page) => samplesIn(page, readFileSync(join(root, page), "utf8")));

/** What the samples may name without saying where it comes from. */
const GIVEN = "declare const bytes: Uint8Array;\n";
/** The package's own types, as a user of it has them, and leave for names that only show what there is. */
const TSCONFIG = {
  extends: "../../tsconfig.json",
  compilerOptions: { paths: {}, noUnusedLocals: false },
  include: ["."],
};

/** Inside the package, so that `elbow-vae` is the package as it was built. */
let folder: string;
const fileOf = (sample: Sample): string => join(folder, `${basename(sample.at).replace(/[^\w]/g, "-")}.ts`);

beforeAll(async () => {
  await mkdir(join(root, "build"), { recursive: true });
  folder = await mkdtemp(join(root, "build/samples-"));
  await writeFile(join(folder, "given.d.ts"), GIVEN);
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(TSCONFIG));
  for (const sample of samples) await writeFile(fileOf(sample), sample.code);
});
afterAll(() => rm(folder, { recursive: true }));

describe("the samples of the pages", () => {
  test("are found", () => {
    for (const page of ["README.md", "docs/edge.md", "docs/browser-headers.md"]) {
      expect(samples.filter(({ at }) => at.startsWith(page))).not.toEqual([]);
    }
  });

  test("have the package's types", async () => {
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = await run(process.execPath, [tsc, "-p", folder]).catch((error) => error);
    expect(stdout).toBe("");
  });

  const given = new URL("given.ts", import.meta.url).href;
  test.concurrent.each(samples.filter(({ runs }) => runs))("$at runs", async (sample) => {
    const cwd = await mkdtemp(join(folder, "run-"));
    const { stdout } = await run(process.execPath, ["--import", given, fileOf(sample)], { cwd });
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toEqual(expect.arrayContaining([...sample.prints]));
  });
});

test("a sample's fence, place and output are read", () => {
  const page = "text\n```ts no_run\na;\n```\n```sh\nls\n```\n\n```js\nconsole.log(1 + 1); // 2\n```\n";
  expect(samplesIn("x.md", page)).toEqual([
    { at: "x.md:3", code: "a;\n", runs: false, prints: [] },
    { at: "x.md:10", code: "console.log(1 + 1); // 2\n", runs: true, prints: ["2"] },
  ]);
});
