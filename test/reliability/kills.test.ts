/** A run that is killed, wherever that is, resumes to the bytes of one that was not. */
import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { parseMetrics } from "../../src/runs/metrics.ts";
import {
  ALL_FILES,
  elbow,
  listing,
  type Outcome,
  startElbow,
  temporaryDirectory,
  writeDigits,
} from "../cli/support.ts";
import { times } from "../support/times.ts";

const dir = temporaryDirectory();
const HOOK = new URL("watched-fs.ts", import.meta.url).href;
/** Steps are small and many, and saves follow each other, so that kills fall into all of them. */
const LINE = [
  "train",
  "--data",
  "idx",
  "--batch-size",
  "2",
  "--hidden",
  "16",
  "--epochs",
  "2",
  "--save-every",
  "0.05",
];

beforeAll(async () => {
  await writeDigits(dir.at("idx"), 600, 64);
  expect((await elbow([...LINE, "--out", "whole"], { cwd: dir.path })).code).toBe(0);
});

async function lossesOf(run: string): Promise<object[]> {
  const path = dir.at(run, "metrics.jsonl");
  const epochs = parseMetrics(await readFile(path, "utf8"), path);
  return epochs.map(({ seconds, imagesPerSecond, ...losses }) => losses);
}

/** Resumes, or begins where nothing was begun, until the run is complete. */
async function complete(run: string): Promise<void> {
  const begun = (await listing(dir.at(run)))?.includes("config.json") ?? false;
  const line = begun ? ["train", "--resume", run] : [...LINE, "--out", run];
  const { code, stderr } = await elbow([...line, "--quiet"], { cwd: dir.path });
  expect(stderr).toMatch(QUIET);
  expect(code).toBe(0);
}

/** Nothing, or what there was to save, and whose the lock was, when the process died in the moment of its creation. */
const QUIET = /^(elbow: \S+ (was ended before|has a lock|has its old run)[^\n]*\n)*$/;

async function expectWhole(run: string): Promise<void> {
  expect(await listing(dir.at(run))).toEqual(ALL_FILES);
  for (const file of ["model.safetensors", "checkpoint.safetensors", "samples.png"]) {
    const same = (await readFile(dir.at(run, file))).equals(await readFile(dir.at("whole", file)));
    expect(same, `${run}/${file}`).toBe(true);
  }
  expect(await lossesOf(run)).toEqual(await lossesOf("whole"));
}

function killedAt(change: number, line: readonly string[]): Promise<Outcome> {
  const env = { ELBOW_WATCHED: dir.path, ELBOW_KILL_AT: `${change}` };
  return startElbow(line, { cwd: dir.path, env, nodeFlags: ["--import", HOOK] }).end;
}

/** In pairs: two processes have a core each. */
async function inPairs(numbers: readonly number[], work: (number: number) => Promise<void>): Promise<void> {
  for (let i = 0; i < numbers.length; i += 2) await Promise.all(numbers.slice(i, i + 2).map(work));
}

const minutes = (count: number): number => count * 60_000;

describe("kill -9", () => {
  test("at a change of the file system, each in turn", { timeout: minutes(60) }, async () => {
    const all = times(1, 150);
    const spread = Array.from({ length: all }, (_, i) => (all === 150 ? i + 1 : [46][i]!));
    const outcomes: (number | null)[] = [];
    await inPairs(spread, async (change) => {
      const run = `change-${change}`;
      outcomes.push((await killedAt(change, [...LINE, "--out", run])).code);
      await complete(run);
      await expectWhole(run);
      await rm(dir.at(run), { recursive: true });
    });
    // the hook has really killed
    expect(outcomes.filter((code) => code === null).length).toBeGreaterThan(all / 2);
  });

  test("at a change of a run that is resumed after a kill, and replaces another", {
    timeout: minutes(60),
  }, async () => {
    const all = times(1, 75);
    const spread = Array.from({ length: all }, (_, i) => (all === 75 ? i + 1 : [41][i]!));
    await inPairs(spread, async (change) => {
      const run = `twice-${change}`;
      const other = [...LINE, "--out", run, "--seed", "9"];
      await elbow(
        other.map((word) => (word === "2" ? "1" : word)),
        { cwd: dir.path },
      );
      await killedAt(change, [...LINE, "--out", run, "--overwrite"]);
      // the old run or the new one, and whole
      const { seed } = JSON.parse(await readFile(dir.at(run, "config.json"), "utf8")).model;
      expect([0, 9]).toContain(seed);
      await killedAt(change + 7, ["train", "--resume", run]);
      const { code, stderr } = await elbow(["train", "--resume", run, "--quiet"], { cwd: dir.path });
      expect(stderr).toMatch(QUIET);
      expect(code).toBe(0);
      const now = JSON.parse(await readFile(dir.at(run, "config.json"), "utf8")).model.seed;
      if (now === 0) await expectWhole(run);
      else expect(await listing(dir.at(run))).toEqual(ALL_FILES);
      await rm(dir.at(run), { recursive: true });
    });
  });

  test("at any moment", { timeout: minutes(60) }, async () => {
    const all = times(1, 150);
    let runs = 0;
    const moments = fc.sample(fc.integer({ min: 200, max: 1200 }), { numRuns: all, seed: 7 });
    await inPairs(moments, async (moment) => {
      const run = `moment-${runs++}`;
      const { child, end } = startElbow([...LINE, "--out", run], { cwd: dir.path });
      setTimeout(() => child.kill("SIGKILL"), moment);
      await end;
      await complete(run);
      await expectWhole(run);
      await rm(dir.at(run), { recursive: true });
    });
  });
});

test.runIf(times(0, 1))("a kill costs at most ten seconds of work", { timeout: minutes(2) }, async () => {
  const line = [
    "train",
    "--data",
    "digits",
    "--hidden",
    "800",
    "--epochs",
    "100",
    "--out",
    "long",
    "--quiet",
  ];
  for (const seconds of [9, 17, 26]) {
    const { child, end } = startElbow(seconds === 9 ? line : ["train", "--resume", "long", "--quiet"], {
      cwd: dir.path,
    });
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const killed = Date.now();
    child.kill("SIGKILL");
    await end;
    const { mtimeMs } = await stat(join(dir.at("long"), "checkpoint.safetensors"));
    expect(killed - mtimeMs).toBeLessThan(10_000);
  }
});
