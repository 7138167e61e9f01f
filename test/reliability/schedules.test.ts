/** Several processes want one directory: whatever they do and whenever, it holds one run, whole, and what was there before. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { openEarlier } from "../../src/runs/resume.ts";
import { ALL_FILES, elbow, listing, startElbow, temporaryDirectory, writeDigits } from "../cli/support.ts";
import { times } from "../support/times.ts";

const dir = temporaryDirectory();
const SETTINGS = [
  "--batch-size",
  "16",
  "--hidden",
  "8",
  "--epochs",
  "2",
  "--save-every",
  "0.05",
  "--workers",
  "1",
];

const ACTION = fc.record({
  kind: fc.constantFrom("new", "new", "overwrite", "resume"),
  data: fc.constantFrom("quick", "slow"),
  /** ms from the beginning of the schedule. */
  start: fc.integer({ min: 0, max: 900 }),
  /** ms from the process's start; none: it may end by itself. */
  kill: fc.option(fc.integer({ min: 200, max: 1200 }), { freq: 3 }),
});
const SCHEDULES = fc.sample(fc.array(ACTION, { minLength: 2, maxLength: 8 }), {
  numRuns: times(2, 300),
  seed: 9,
});

beforeAll(async () => {
  await writeDigits(dir.at("quick"), 100, 32);
  await writeDigits(dir.at("slow"), 4000, 32);
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

type Action = (typeof SCHEDULES)[number][number];

/** A process of the schedule; its seed is its name. */
async function act({ kind, data, start, kill }: Action, out: string, seed: number) {
  const fresh = ["train", "--data", data, ...SETTINGS, "--seed", `${seed}`, "--out", out];
  const line = { new: fresh, overwrite: [...fresh, "--overwrite"], resume: ["train", "--resume", out] }[kind];
  await sleep(start);
  const { child, end } = startElbow([...line!, "--quiet"], { cwd: dir.path });
  const timer = kill === null ? undefined : setTimeout(() => child.kill("SIGKILL"), kill);
  const outcome = await end;
  clearTimeout(timer);
  return { kind, seed, ...outcome };
}

test("random schedules", { timeout: 3_600_000 }, async () => {
  let losers = 0;
  for (const [i, schedule] of SCHEDULES.entries()) {
    const out = `out-${i}`;
    await mkdir(dir.at(out));
    await writeFile(dir.at(out, "notes.txt"), "mine");
    const outcomes = await Promise.all(schedule.map((action, seed) => act(action, out, seed)));
    for (const { code, stderr } of outcomes) {
      if (code === 0 || code === null) continue;
      losers += 1;
      expect(code).toBe(1);
      const why =
        /^(elbow: out-\d+ (was ended before|has its old run)[^\n]*\n)*elbow: out-\d+: expected [^\n]+, found [^\n]+\n$/;
      expect(stderr).toMatch(why);
    }
    const begun = (await listing(dir.at(out)))!.includes("config.json");
    if (begun) {
      const { code, stderr } = await elbow(["train", "--resume", out, "--quiet"], { cwd: dir.path });
      expect(stderr).toMatch(/^(elbow: out-\d+ (was ended before|has its old run)[^\n]*\n)*$/);
      expect(code).toBe(0);
      expect(await listing(dir.at(out))).toEqual([...ALL_FILES, "notes.txt"].sort());
      // all files are of one process
      const { config, checkpoint } = await openEarlier(dir.at(out));
      expect(checkpoint!.config.seed).toBe(config.model.seed);
      const done = outcomes.filter(({ kind, code }) => kind === "new" && code === 0);
      const replaced = outcomes.some(({ kind }) => kind === "overwrite");
      if (done.length > 0 && !replaced) expect(done.map(({ seed }) => seed)).toEqual([config.model.seed]);
    } else {
      expect(outcomes.filter(({ code }) => code === 0)).toEqual([]);
    }
    expect(await readFile(dir.at(out, "notes.txt"), "utf8")).toBe("mine");
    await rm(dir.at(out), { recursive: true });
  }
  expect(losers).toBeGreaterThan(0);
});
