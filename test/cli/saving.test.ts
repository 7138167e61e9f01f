/** When and what a run saves while it trains, and what a failed save does to it. */
import { watch } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { parseCheckpoint } from "../../src/formats/checkpoint.ts";
import { parseModel } from "../../src/formats/model-file.ts";
import { elbow, listing, type Running, startElbow, temporaryDirectory, writeDigits } from "./support.ts";

const dir = temporaryDirectory();
const LINE = ["train", "--data", "idx", "--hidden", "16"];
const CHECKPOINT = "checkpoint.safetensors";
/** Longer than any of these runs. */
const ENDLESS = ["--epochs", "1000000"];

beforeAll(() => writeDigits(dir.at("idx"), 1000, 64));

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}

const isSaved = (run: string) => async () => (await listing(dir.at(run)))?.includes(CHECKPOINT) ?? false;

test("a run that was killed during its first epoch resumes in that epoch", async () => {
  const line = [...LINE, "--batch-size", "1", "--hidden", "128", "--epochs", "1", "--out", "first"];
  const { child, end } = startElbow([...line, "--save-every", "0.1", "--quiet"], { cwd: dir.path });
  await until(isSaved("first"));
  child.kill("SIGKILL");
  await end;
  const { state } = parseCheckpoint(await readFile(dir.at("first", CHECKPOINT)), CHECKPOINT);
  expect(state.epoch).toBe(0);
  expect(state.step).toBeGreaterThan(0);
  const resumed = await elbow(["train", "--resume", "first"], { cwd: dir.path });
  expect(resumed.code).toBe(0);
  expect(resumed.stdout).toMatch(
    new RegExp(`^Run       first, resumed after epoch 0, step ${state.step}$`, "m"),
  );
});

test("sixty short epochs are not saved one by one", async () => {
  let saves = 0;
  await mkdir(dir.at("short"));
  const watcher = watch(dir.at("short"), (_, name) => {
    if (name === CHECKPOINT) saves++;
  });
  const { code } = await elbow([...LINE, "--epochs", "60", "--out", "short", "--quiet"], { cwd: dir.path });
  watcher.close();
  expect(code).toBe(0);
  expect(saves).toBeGreaterThan(0);
  expect(saves).toBeLessThan(20);
});

describe.concurrent("a save that fails", () => {
  /** A run whose metrics.jsonl is a directory once it has been saved, and has said that this cannot be replaced. */
  async function failing(run: string): Promise<Running & { stderr: () => string }> {
    const running = startElbow([...LINE, ...ENDLESS, "--save-every", "0.1", "--out", run], { cwd: dir.path });
    let stderr = "";
    running.child.stderr!.on("data", (text: string) => {
      stderr += text;
    });
    await until(isSaved(run));
    await mkdir(dir.at(`${run}-metrics`, "directory"), { recursive: true });
    const metrics = dir.at(run, "metrics.jsonl");
    await until(async () => {
      await rm(metrics);
      return rename(dir.at(`${run}-metrics`), metrics).then(
        () => true,
        () => false, // saved in between
      );
    });
    await until(() => /training continues, and the save is tried again/.test(stderr));
    return { ...running, stderr: () => stderr };
  }

  /** The epochs and steps of the model and of the checkpoint. */
  async function savedIn(run: string): Promise<number[]> {
    const model = parseModel(await readFile(dir.at(run, "model.safetensors")), "model").info.trained;
    const { state } = parseCheckpoint(await readFile(dir.at(run, CHECKPOINT)), CHECKPOINT);
    expect(model).toEqual({ epochs: state.epoch, steps: state.step });
    return [state.epoch, state.step];
  }

  test("is made up for when there is room again", async () => {
    const { child, end, stderr } = await failing("again");
    const before = await savedIn("again");
    await rm(dir.at("again", "metrics.jsonl"), { recursive: true });
    await until(() => stderr().endsWith("elbow: again: saved again\n"));
    child.kill("SIGINT");
    expect((await end).code).toBe(130);
    const after = await savedIn("again");
    expect(after[0]).toBeGreaterThan(before[0]!);
  });

  test("at the end, too, leaves a model and a checkpoint of one moment, which are named", async () => {
    const { child, end } = await failing("never");
    const [epoch, step] = await savedIn("never");
    child.kill("SIGINT");
    const { code, stderr } = await end;
    expect(code).toBe(1);
    expect(await savedIn("never")).toEqual([epoch, step]);
    const place = step === 0 ? `epoch ${epoch}` : `step ${step} of epoch ${epoch! + 1}`;
    expect(stderr).toContain(`; never has the model and the checkpoint after ${place}; resume with `);
  });
});
