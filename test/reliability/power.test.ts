/**
 * A save when the power fails: every prefix of its calls is replayed onto an empty file system, as a disk may have kept them.
 * Contents are on disk once their file was synced, before that they may be missing or half there; names are in the order in
 * which they were given, and may be lost back to the last sync of their directory.
 */
import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newMark } from "../../src/files/mark.ts";
import { parseModel } from "../../src/formats/model-file.ts";
import { claimEarlier } from "../../src/runs/claim-node.ts";
import { openEarlier } from "../../src/runs/resume.ts";
import { times } from "../support/times.ts";
import type { Change } from "./changes.ts";
import { Disk } from "./disk.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "elbow-power-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** The calls of save-run.ts in `run`, of the process with this id. */
async function record(run: string, id: string): Promise<Change[]> {
  const log = join(home, `${id}.jsonl`);
  const hook = new URL("watched-fs.ts", import.meta.url).href;
  const program = fileURLToPath(new URL("save-run.ts", import.meta.url));
  const env = { ...process.env, ELBOW_WATCHED: run, ELBOW_LOG: log };
  const { stderr, status } = spawnSync(process.execPath, ["--import", hook, program, run, id], {
    env,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  const changes = (await readFile(log, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Change);
  const inside = (path: string): string => relative(run, path);
  return changes.map((change) => {
    const path = inside(change.path);
    return "to" in change ? { ...change, path, to: inside(change.to) } : { ...change, path };
  });
}

/** What `elbow train --resume` finds: whose run it is, and the step of its checkpoint. */
async function resume(path: string): Promise<{ readonly id: string; readonly step: number }> {
  const writer = await claimEarlier(path, newMark(), { watch: { looks: 1, every: 1 } });
  try {
    const { config, checkpoint } = await openEarlier(path);
    const model = parseModel(await readFile(join(path, "model.safetensors")), "model");
    expect(model.config).toEqual(config.model);
    return { id: config.id!, step: checkpoint!.state.step };
  } finally {
    await writer.close();
  }
}

test("the checkpoint before or the new one loads, of the old run or of the new, always", {
  timeout: 600_000,
}, async () => {
  const run = join(home, "run");
  const [old, config] = [newMark(), newMark()];
  await record(run, old);
  const before = join(home, "before");
  await cp(run, before, { recursive: true });
  const changes = await record(run, config);
  expect(changes.filter(({ kind }) => kind === "rename").length).toBeGreaterThan(15);
  expect(changes.filter(({ kind }) => kind === "sync").length).toBeGreaterThan(30);
  const stride = times(60, 1);
  const seen = new Set<string>();
  const tried = new Set<string>();
  let newest = 0;
  for (
    let end = 0;
    end <= changes.length;
    end += end + stride > changes.length && end < changes.length ? changes.length - end : stride
  ) {
    for (const state of await Disk.after(before, changes.slice(0, end))) {
      if (tried.has(state.key) && end < changes.length) continue;
      tried.add(state.key);
      const place = join(home, "after");
      await rm(place, { recursive: true, force: true });
      await mkdir(place);
      await state.writeTo(place);
      const { id, step } = await resume(place);
      expect([old, config]).toContain(id);
      if (id === old) expect(step).toBe(5);
      seen.add(`${id === old ? "old" : "new"} ${step}`);
      if (end === changes.length && id === config) newest = Math.max(newest, step);
    }
  }
  expect(newest).toBe(5);
  expect(seen).toContain("old 5");
  if (stride === 1) for (const step of [1, 2, 3, 4, 5]) expect(seen).toContain(`new ${step}`);
});
