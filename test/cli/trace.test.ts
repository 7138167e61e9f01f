import { readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { beforeAll, describe, expect, test } from "vitest";
import { readSafetensors } from "../support/read-safetensors.ts";
import { elbow, jsonLines, listing, temporaryDirectory, writeDigits } from "./support.ts";

const dir = temporaryDirectory();
const run = (...args: string[]): ReturnType<typeof elbow> => elbow(args, { cwd: dir.path });
const SETTINGS = ["--data", "idx", "--hidden", "16", "--latent", "3", "--lr", "2e-3", "--seed", "5"];
/** 6666 epochs of 320 rows and 2 batches of 128, 4 + 4 · 3 + 784 bytes each; 4 + 8 · (3 + 10) a step; 26 054 weights. */
const MIB_OF_20_000_STEPS = Math.ceil(((6666 * 320 + 2 * 128) * 800 + 20_000 * 108 + 4 * 26_054) / 2 ** 20);

beforeAll(async () => {
  await writeDigits(dir.at("idx"));
  await run("train", ...SETTINGS, "--epochs", "2", "--out", "run");
});

describe("elbow trace", () => {
  test("writes what elbow train does with the same settings, to the bit", async () => {
    // 320 rows in batches of 128: three steps an epoch
    const { code, stdout, stderr } = await run("trace", ...SETTINGS, "--steps", "6");
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^trace\.safetensors: 6 steps of training on idx, \d{3} kB\n$/);
    expect(code).toBe(0);
    const { metadata, tensors } = readSafetensors(await readFile(dir.at("trace.safetensors")));
    const config = JSON.parse(await readFile(dir.at("run", "config.json"), "utf8"));
    expect(metadata.datasetSha256).toBe(config.data.sha256);
    expect(metadata.machine).toMatch(/^one thread, Node \d/);
    expect(tensors.get("trace.x")!.shape).toEqual([2 * 320, 784]);
    const epochs = jsonLines(await readFile(dir.at("run", "metrics.jsonl"), "utf8"));
    for (const [epoch, metrics] of epochs.entries()) {
      for (const [term, key] of [
        ["reconstruction", "trainReconstruction"],
        ["kl", "trainKl"],
      ] as const) {
        const steps = tensors.get(`trace.${term}`)!.data.subarray(3 * epoch, 3 * epoch + 3);
        expect(Array.from(steps).reduce((sum, value) => sum + value, 0) / 320).toBe(metrics[key]);
      }
    }
  });

  test("without the rows, and again over a trace", async () => {
    for (const steps of ["1", "2"]) {
      const line = [
        "trace",
        ...SETTINGS,
        "--steps",
        steps,
        "--without-data",
        "--overwrite",
        "-o",
        "rows.safetensors",
      ];
      expect((await run(...line)).code).toBe(0);
      const { tensors } = readSafetensors(await readFile(dir.at("rows.safetensors")));
      expect(tensors.has("trace.x")).toBe(false);
      expect(tensors.get("trace.batch_sizes")!.shape).toEqual([Number(steps)]);
    }
  });
});

describe.concurrent("what it does not do", () => {
  test("take the place of a model, or of anything else", async () => {
    const model = await readFile(dir.at("run", "model.safetensors"));
    await writeFile(dir.at("mine.safetensors"), "mine");
    for (const path of ["run/model.safetensors", "mine.safetensors"]) {
      const unasked = await run("trace", ...SETTINGS, "-o", path);
      expect(unasked.stderr).toBe(
        `elbow: ${path}: expected no file, found one; choose another -o or replace it with --overwrite\n`,
      );
      expect(unasked.code).toBe(1);
    }
    const over = await run("trace", ...SETTINGS, "-o", "run/model.safetensors", "--overwrite");
    expect(over.stderr).toBe(
      "elbow: run/model.safetensors: expected no file or a trace, found another; give another -o\n",
    );
    expect(over.code).toBe(1);
    expect((await readFile(dir.at("run", "model.safetensors"))).equals(model)).toBe(true);
    await writeFile(dir.at("notes.safetensors"), "not to be lost");
    const notes = await run("trace", ...SETTINGS, "-o", "notes.safetensors", "--overwrite");
    expect(notes.stderr).toMatch(/^elbow: notes\.safetensors: [^\n]+; choose a safetensors file\n$/);
    expect(await readFile(dir.at("notes.safetensors"), "utf8")).toBe("not to be lost");
  });

  test("leave half a file, or lose the one before", async () => {
    await run("trace", ...SETTINGS, "--steps", "1", "-o", "kept.safetensors");
    const before = await readFile(dir.at("kept.safetensors"));
    const diverged = await run("trace", ...SETTINGS, "--lr", "1e38", "-o", "kept.safetensors", "--overwrite");
    expect(diverged.stderr).toMatch(
      /^elbow: [^\n]+ at step \d: expected a finite number, found (NaN|-?Infinity); [^\n]+\n$/,
    );
    expect(diverged.code).toBe(1);
    expect((await readFile(dir.at("kept.safetensors"))).equals(before)).toBe(true);
    expect((await listing(dir.path))!.filter((name) => name.startsWith("kept"))).toEqual([
      "kept.safetensors",
    ]);
    const nowhere = await run("trace", ...SETTINGS, "--steps", "1", "-o", "none/t.safetensors");
    expect(nowhere.stderr).toMatch(
      /^elbow: none\/t\.safetensors: expected a writable path, found no such directory \(ENOENT\); /,
    );
    expect(nowhere.code).toBe(1);
    if (process.platform !== "linux") return;
    const full = await run("trace", ...SETTINGS, "--steps", "1", "-o", "/dev/full");
    expect(full.stderr).toMatch(
      /^elbow: \/dev\/full: expected a writable path, found a full disk \(ENOSPC\); [^\n]+\n$/,
    );
    expect(full.code).toBe(1);
  });

  // The learning rate would end the first step with another error.
  test.each([
    [["-o", "run"], 1, "run: expected a writable path, found a directory (EISDIR); give the name of a file"],
    [
      ["-o", "none/t.safetensors"],
      1,
      "none/t.safetensors: expected a writable path, found no such directory (ENOENT); make the directory first",
    ],
    [
      ["--steps", "20000", "-o", "never.safetensors"],
      2,
      `trace: expected at most 1024 MiB, found ${MIB_OF_20_000_STEPS} MiB; ` +
        "use fewer steps, or leave out the data",
    ],
  ])("begin what it cannot write, %j", async (flags, exit, message) => {
    const { code, stderr } = await run("trace", ...SETTINGS, "--lr", "1e38", ...flags);
    expect(stderr).toBe(`elbow: ${message}\n`);
    expect(code).toBe(exit);
  });

  test("pass for a model", async () => {
    await run("trace", ...SETTINGS, "--steps", "1", "-o", "other.safetensors");
    const { code, stderr } = await run("info", "other.safetensors");
    expect(stderr).toBe(
      'elbow: other.safetensors: expected a model, found a "trace"; give the model instead\n',
    );
    expect(code).toBe(1);
  });
});
