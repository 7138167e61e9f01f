/** One run on a dataset with a name that has it all, as a user makes, resumes and uses it. */
import { rename } from "node:fs/promises";
import { expect, test } from "vitest";
import { elbow, jsonLines, temporaryDirectory, writeDigits } from "./support.ts";

const dir = temporaryDirectory();
const NAME = "-\u0645\u06cc\u200c\u062e \u{1f469}\u200d\u{1f4bb}\u00ad\t\n\u001b[2J\u202e'";
const SHOWN = "-\u0645\u06cc\u200c\u062e \u{1f469}\u200d\u{1f4bb}\u00ad\\u{9}\\u{a}\\u{1b}[2J\\u{202e}'";
const STEERING = /(?!\n)[\p{Cc}\u202e]/u;

test("a dataset's name with joiners, a tab, a line break and an escape is no hindrance", async () => {
  await writeDigits(dir.at("idx"), 40, 20);
  await rename(dir.at("idx"), dir.at(NAME));
  const cwd = dir.path;
  const train = await elbow(["train", "--data", NAME, "--hidden", "8", "--epochs", "1", "--out", NAME + 2], {
    cwd,
  });
  expect(train).toMatchObject({ code: 0, stderr: "" });

  const resumed = await elbow(["train", "--resume", NAME + 2, "--epochs", "2", "--json"], { cwd });
  expect(resumed).toMatchObject({ code: 0, stderr: "" });
  const [start] = jsonLines(resumed.stdout) as [{ directory: string; data: object }];
  expect(start).toMatchObject({ directory: NAME + 2, epoch: 1, data: { name: NAME, source: dir.at(NAME) } });

  const outcomes = await Promise.all([
    elbow(["evaluate", `./${NAME}2`], { cwd }),
    elbow(["import", `./${NAME}2/model.safetensors`, "-o", "imported"], { cwd }),
  ]);
  const [evaluate, imported] = outcomes;
  expect(evaluate).toMatchObject({ code: 0, stderr: "" });
  expect(evaluate!.stdout).toContain(`20 test rows of ${SHOWN}, in nats`);
  expect(imported!.stderr).toMatch(
    /^elbow: [^\n]+: expected weights of another program, found a "model" [^\n]+\n$/,
  );
  expect(train.stdout).toContain(`Data      ${SHOWN}, 40 + 20 images of 28 × 28\n`);
  expect(train.stdout).toMatch(/^ {2}\S.* evaluate \$'\.\/-.*\\x1b\[2J\\xe2\\x80\\xae\\'2'$/m);
  expect(train.stdout).not.toMatch(STEERING);
  for (const { stdout, stderr } of outcomes) expect(stdout + stderr).not.toMatch(STEERING);
});
