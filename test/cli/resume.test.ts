import { copyFile, cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { parseCheckpoint } from "../../src/formats/checkpoint.ts";
import { parseMetrics } from "../../src/runs/metrics.ts";
import {
  ALL_FILES,
  elbow,
  jsonLines,
  listing,
  startElbow,
  temporaryDirectory,
  writeDigits,
} from "./support.ts";

const dir = temporaryDirectory();
/** Steps are small and many, so that an epoch takes long enough to be interrupted in its middle. */
const LINE = ["train", "--data", "idx", "--batch-size", "2", "--hidden", "96", "--epochs", "3"];

const bytesOf = (run: string, file: string): Promise<Buffer> => readFile(dir.at(run, file));

/** What does not say how long things took. */
async function lossesOf(run: string): Promise<object[]> {
  const path = dir.at(run, "metrics.jsonl");
  const epochs = parseMetrics(await readFile(path, "utf8"), path);
  return epochs.map(({ seconds, imagesPerSecond, ...losses }) => losses);
}

async function expectSameRun(run: string, other: string): Promise<void> {
  for (const file of ALL_FILES.filter((name) => !["config.json", "metrics.jsonl"].includes(name))) {
    expect((await bytesOf(run, file)).equals(await bytesOf(other, file)), file).toBe(true);
  }
  expect(await lossesOf(run)).toEqual(await lossesOf(other));
  expect((await listing(dir.at(run)))!).toEqual(ALL_FILES);
}

beforeAll(async () => {
  await writeDigits(dir.at("idx"), 1000, 64);
  const { code } = await elbow([...LINE, "--out", "whole", "--workers", "1"], { cwd: dir.path });
  expect(code).toBe(0);
});

test("Ctrl-C in the middle of epochs, and going on, ends with the same bytes", async () => {
  const first = startElbow([...LINE, "--out", "broken", "--json"], { cwd: dir.path });
  await first.line(/"start"/);
  await new Promise((resolve) => setTimeout(resolve, 30));
  first.child.kill("SIGINT");
  const { code, stdout } = await first.end;
  expect(code).toBe(130);
  // On a machine that is very busy or very quick this may be the start or the end of an epoch: as good, if rarer.
  const last = jsonLines(stdout).at(-1)! as { event: string; epoch: number; step: number };
  expect(last.event).toBe("interrupted");
  expect(await listing(dir.at("broken"))).toEqual(ALL_FILES);
  const { state } = parseCheckpoint(await bytesOf("broken", "checkpoint.safetensors"), "checkpoint");
  expect(state).toMatchObject({ epoch: last.epoch, step: last.step });

  // Without --json, and by SIGTERM: people are told how to go on.
  const second = startElbow(["train", "--resume", "broken"], { cwd: dir.path });
  const step = last.step > 0 ? `, step ${last.step}` : "";
  const resumed = last.epoch > 0 || last.step > 0 ? `, resumed after epoch ${last.epoch}${step}` : "";
  expect(await second.line(/^Run/)).toBe(`Run       broken${resumed}`);
  await second.line(/^Epoch \d,/);
  second.child.kill("SIGTERM");
  const interrupted = await second.end;
  expect(interrupted.code).toBe(130);
  expect(interrupted.stderr).toMatch(
    /^Stopped (after epoch \d|at step \d+ of 500 in epoch \d) of 3; everything is saved\. To resume:\n {2}\S.* train --resume broken\n$/,
  );

  const third = await elbow(["train", "--resume", "broken", "--workers", "3"], { cwd: dir.path });
  expect(third.code).toBe(0);
  await expectSameRun("broken", "whole");
});

test("a terminal that closes does what Ctrl-C does", async () => {
  const first = startElbow([...LINE, "--out", "closed", "--json"], { cwd: dir.path });
  await first.line(/"start"/);
  await new Promise((resolve) => setTimeout(resolve, 30));
  first.child.kill("SIGHUP");
  expect((await first.end).code).toBe(130);
  expect((await elbow(["train", "--resume", "closed", "--quiet"], { cwd: dir.path })).code).toBe(0);
  await expectSameRun("closed", "whole");
});

test("a run that was killed goes on from its last epoch", async () => {
  const killed = startElbow([...LINE, "--out", "killed", "--json"], { cwd: dir.path });
  await killed.line(/"epoch":1,/);
  killed.child.kill("SIGKILL");
  await killed.end;
  expect((await elbow(["train", "--resume", "killed", "--quiet"], { cwd: dir.path })).code).toBe(0);
  await expectSameRun("killed", "whole");
});

test("a run that is done says so, and --epochs takes it further", async () => {
  await elbow([...LINE.slice(0, -1), "1", "--out", "grown", "--quiet"], { cwd: dir.path });
  const again = await elbow(["train", "--resume", "grown"], { cwd: dir.path });
  expect(again.code).toBe(0);
  expect(again.stdout).toMatch(
    /^grown is complete: 1 of 1 epochs are done\. .*\n {2}.* train --resume grown --epochs 2\n$/,
  );
  expect((await elbow(["train", "--resume", "grown", "--epochs", "3"], { cwd: dir.path })).code).toBe(0);
  await expectSameRun("grown", "whole");
  expect(JSON.parse((await bytesOf("grown", "config.json")).toString())).toMatchObject({
    training: { epochs: 3 },
  });
});

test("a run whose checkpoint was deleted keeps its model", async () => {
  await cp(dir.at("whole"), dir.at("robbed"), { recursive: true });
  await rm(dir.at("robbed", "checkpoint.safetensors"));
  const { code, stderr } = await elbow(["train", "--resume", "robbed", "--epochs", "9"], { cwd: dir.path });
  expect(stderr).toBe(
    "elbow: robbed: expected checkpoint.safetensors beside model.safetensors, found none; " +
      "bring it back, or train anew with --overwrite\n",
  );
  expect(code).toBe(1);
  expect(await bytesOf("robbed", "model.safetensors")).toEqual(await bytesOf("whole", "model.safetensors"));
});

describe("resuming something else", () => {
  const resume = ["train", "--resume", "whole", "--epochs", "9"];

  test("other settings are named, with both values", async () => {
    const { code, stderr } = await elbow([...resume, "--lr", "0.01", "--hidden", "96,8", "--latent", "2"], {
      cwd: dir.path,
    });
    expect(stderr).toBe(
      "elbow: whole: expected --lr 0.001, --hidden 96, found --lr 0.01, --hidden 96,8; " +
        "leave out what differs to resume the run\n",
    );
    expect(code).toBe(2);
  });

  test("other kernels are named", async () => {
    const { arithmetic } = JSON.parse((await bytesOf("whole", "config.json")).toString()).kernels;
    const other = arithmetic === "simd" ? "relaxed" : "simd";
    const { code, stderr } = await elbow(resume, { cwd: dir.path, env: { ELBOW_KERNELS: other } });
    expect(stderr).toContain(
      `whole: expected ELBOW_KERNELS ${arithmetic}, found ELBOW_KERNELS ${other}; leave out`,
    );
    expect(code).toBe(2);
  });

  test("other data is named", async () => {
    await writeDigits(dir.at("other"), 40, 20);
    const { code, stderr } = await elbow([...resume, "--data", "other"], { cwd: dir.path });
    expect(stderr).toMatch(
      /^elbow: whole: expected its own data, idx \(SHA-256 \w{12}…\), found other \(SHA-256 \w{12}…\); [^\n]+\n$/,
    );
    expect(code).toBe(1);
  });

  test("fewer epochs than are done are refused", async () => {
    const { code, stderr } = await elbow(["train", "--resume", "whole", "--epochs", "2"], { cwd: dir.path });
    expect(stderr).toBe("elbow: --epochs: expected more than the 3 epochs that whole has done, found 2\n");
    expect(code).toBe(2);
  });

  test.each([
    ["learningRate 0.001", '"learningRate": 0.001', '"learningRate": 0.1', "learningRate 0.1"],
    ["inputShape 28,28,1", /28,\s+28,\s+1/, "14, 56, 1", "inputShape 14,56,1"],
  ])("a config.json that was edited, %s", async (expected, from, to, found) => {
    const run = `edited-${found}`;
    await mkdir(dir.at(run));
    for (const name of ALL_FILES) await copyFile(dir.at("whole", name), dir.at(run, name));
    const config = (await bytesOf(run, "config.json")).toString();
    await writeFile(dir.at(run, "config.json"), config.replace(from, to));
    const { code, stderr } = await elbow(["train", "--resume", run, "--epochs", "9"], { cwd: dir.path });
    expect(stderr).toBe(
      `elbow: ${run}/config.json: expected ${expected} as in checkpoint.safetensors, found ${found}; change it back\n`,
    );
    expect(code).toBe(1);
  });

  test("no run, and files that are damaged", async () => {
    await mkdir(dir.at("cut"));
    await copyFile(dir.at("whole", "config.json"), dir.at("cut", "config.json"));
    const checkpoint = await bytesOf("whole", "checkpoint.safetensors");
    await writeFile(dir.at("cut", "checkpoint.safetensors"), checkpoint.subarray(0, 5000));
    const [none, cut] = await Promise.all(
      ["idx", "cut"].map((run) => elbow(["train", "--resume", run], { cwd: dir.path })),
    );
    expect(none!.stderr).toBe("elbow: idx: expected a run directory with config.json, found none\n");
    expect(cut!.stderr).toMatch(/^elbow: cut\/checkpoint\.safetensors: [^\n]+ a truncated file; [^\n]+\n$/);
    expect([none!.code, cut!.code]).toEqual([1, 1]);
  });
});
