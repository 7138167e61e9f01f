import { readFile, writeFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { parseModel } from "../../src/formats/model-file.ts";
import { parseMetrics } from "../../src/runs/metrics.ts";
import {
  ALL_FILES,
  elbow,
  HAS_MNIST,
  jsonLines,
  listing,
  pngSize,
  temporaryDirectory,
  writeDigits,
  writeSubset,
} from "./support.ts";

const dir = temporaryDirectory();
const SMALL = ["--hidden", "16", "--batch-size", "32"];
beforeAll(() => writeDigits(dir.at("idx")));

async function metricsOf(run: string): Promise<ReturnType<typeof parseMetrics>> {
  const path = dir.at(run, "metrics.jsonl");
  return parseMetrics(await readFile(path, "utf8"), path);
}

describe(`end to end on ${HAS_MNIST ? "a part of MNIST" : "digits"}`, () => {
  let stdout: string;
  beforeAll(async () => {
    await writeSubset(dir.at("mnist"), 6000, 1000);
    const line = ["train", "--data", "mnist", "--data-dir", ".", "--epochs", "2", "--out", "run"];
    const outcome = await elbow(line, { cwd: dir.path });
    expect(outcome.stderr).toBe("");
    expect(outcome.code).toBe(0);
    stdout = outcome.stdout;
  });

  test("what it says", () => {
    expect(stdout).toMatch(/^Data {6}mnist, 6 000 \+ 1 000 images of 28 × 28\n/);
    expect(stdout).toMatch(/^Model .* 631 188 parameters$/m);
    expect(stdout).toMatch(/^Epoch 2, Loss: \d{3}\.\d, test \d{3}\.\d, [\d ]+ images\/s$/m);
    expect(stdout).toMatch(/^ {2}\S.*elbow evaluate run$/m);
    for (const line of stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  test("the run directory is complete", async () => {
    expect(await listing(dir.at("run"))).toEqual(ALL_FILES);
    expect(await pngSize(dir.at("run", "samples.png"))).toEqual([242, 242]);
    expect(await pngSize(dir.at("run", "reconstructions.png"))).toEqual([242, 242]);
    expect(await pngSize(dir.at("run", "manifold.png"))).toEqual([560, 560]);
    const config = JSON.parse(await readFile(dir.at("run", "config.json"), "utf8"));
    expect(config).toMatchObject({
      formatVersion: 2,
      data: { name: "mnist", source: "mnist", train: 6000, test: 1000 },
      model: {
        inputDim: 784,
        inputShape: [28, 28, 1],
        hidden: [400],
        latentDim: 2,
        activation: "relu",
        likelihood: "bernoulli",
        seed: 0,
      },
      training: { epochs: 2, batchSize: 128, learningRate: 0.001 },
      kernels: { arithmetic: expect.stringMatching(/^(simd|relaxed)$/) },
      versions: { elbow: expect.any(String), node: process.versions.node },
    });
  });

  test("it has learned", async () => {
    const [first, second] = await metricsOf("run");
    expect(second!.epoch).toBe(2);
    expect(second!.trainLoss).toBeLessThan(first!.trainLoss - 10);
    expect(second!.testLoss).toBeLessThan(HAS_MNIST ? 215 : 260);
    expect(second!.testLoss).toBeCloseTo(second!.testReconstruction! + second!.testKl!, 9);
  });

  test("evaluate finds the very numbers of the last epoch", async () => {
    const [, { testLoss, testReconstruction, testKl }] = (await metricsOf("run")) as [
      object,
      { testLoss: number; testReconstruction: number; testKl: number },
    ];
    const { stdout, code } = await elbow(["evaluate", "run", "--json"], { cwd: dir.path });
    expect(code).toBe(0);
    expect(jsonLines(stdout)).toEqual([
      { model: "run/model.safetensors", data: "mnist", rows: 1000, testLoss, testReconstruction, testKl },
    ]);
  });
});

test("--json says everything as lines of JSON, --quiet nothing", async () => {
  const line = ["train", "--data", "idx", "--epochs", "2", ...SMALL];
  const [json, quiet] = await Promise.all([
    elbow([...line, "--json", "--out", "json"], { cwd: dir.path }),
    elbow([...line, "--quiet", "--out", "quiet"], { cwd: dir.path }),
  ]);
  const events = jsonLines(json.stdout);
  expect(events.map(({ event }) => event)).toEqual(["start", "epoch", "epoch", "done"]);
  const { event, ...epoch } = events[2]!;
  expect(epoch).toEqual((await metricsOf("json"))[1]);
  expect(events[3]).toMatchObject({ directory: "json", epoch: 2 });
  expect([...(events[3]!.files as string[]), "config.json"].sort()).toEqual(ALL_FILES);
  expect(json.stderr).toBe("");
  expect(quiet).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await listing(dir.at("quiet"))).toEqual(ALL_FILES);
});

test("the model file says alone what it is, and does not depend on workers or where it lies", async () => {
  const line = ["train", "--epochs", "1", ...SMALL, "--seed", "5", "--quiet"];
  await Promise.all([
    elbow([...line, "--data", "idx", "--workers", "1", "--out", "one"], { cwd: dir.path }),
    elbow([...line, "--data", dir.at("idx"), "--workers", "3", "--out", "three"], { cwd: dir.path }),
  ]);
  const bytes = await readFile(dir.at("one", "model.safetensors"));
  expect(bytes.equals(await readFile(dir.at("three", "model.safetensors")))).toBe(true);
  const { config, info } = parseModel(bytes, "model");
  expect(config).toEqual({
    inputDim: 784,
    inputShape: [28, 28, 1],
    hidden: [16],
    latentDim: 2,
    activation: "relu",
    likelihood: "bernoulli",
    seed: 5,
  });
  expect(info).toMatchObject({
    dataset: { name: "idx" },
    trained: { epochs: 1, steps: 0 },
  });
});

test("a deeper model with more latent dimensions has no manifold", async () => {
  const line = [
    "train",
    "--data",
    "idx",
    "--epochs",
    "1",
    "--hidden",
    "24,12",
    "--latent",
    "3",
    "--out",
    "deep",
  ];
  const { code } = await elbow([...line, "--likelihood", "gaussian", "--activation", "tanh"], {
    cwd: dir.path,
  });
  expect(code).toBe(0);
  expect(await listing(dir.at("deep"))).toEqual(ALL_FILES.filter((name) => name !== "manifold.png"));
});

test("without --out the directory is named after the data and the time", async () => {
  const { code, stdout } = await elbow(["train", "--data", "idx", "--epochs", "1", ...SMALL], {
    cwd: dir.path,
  });
  expect(code).toBe(0);
  const [name] = (await listing(dir.at("runs")))!;
  expect(name).toMatch(/^idx-\d{8}-\d{6}$/);
  expect(stdout).toContain(`runs/${name}`);
});

describe("a directory that holds a run", () => {
  const line = ["train", "--data", "idx", "--epochs", "1", ...SMALL, "--quiet", "--out", "held"];

  test("is refused, and replaced only when asked", async () => {
    expect((await elbow([...line, "--latent", "2"], { cwd: dir.path })).code).toBe(0);
    const before = await readFile(dir.at("held", "model.safetensors"));
    const refused = await elbow(line, { cwd: dir.path });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toBe(
      "elbow: held: expected no run, found one; resume it with --resume held or replace it with --overwrite\n",
    );
    expect(await readFile(dir.at("held", "model.safetensors"))).toEqual(before);

    await writeFile(dir.at("held", "notes.txt"), "mine");
    await writeFile(dir.at("held", "model.safetensors.1234567"), "mine, whatever its name");
    const { id } = JSON.parse(await readFile(dir.at("held", "config.json"), "utf8"));
    await writeFile(
      dir.at("held", `model.safetensors.${id}-0123456789ab.draft`),
      "of the run, which was killed",
    );
    expect((await elbow([...line, "--overwrite", "--latent", "3"], { cwd: dir.path })).code).toBe(0);
    const left = ALL_FILES.filter((name) => name !== "manifold.png");
    expect(await listing(dir.at("held"))).toEqual([...left, "notes.txt", "model.safetensors.1234567"].sort());
  });

  test("is one run's, when several begin at once", async () => {
    const seeds = ["1", "2", "3", "4"];
    const start = (seed: string) => elbow([...line.slice(0, -1), "raced", "--seed", seed], { cwd: dir.path });
    const outcomes = await Promise.all(seeds.map(start));
    const winners = seeds.filter((_, i) => outcomes[i]!.code === 0);
    expect(winners).toHaveLength(1);
    for (const { code, stderr } of outcomes) {
      if (code === 0) continue;
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^elbow: raced: expected no (run, found one|other run at work in it, found process \d+ on \S+); [^\n]+\n$/,
      );
    }
    expect(JSON.parse(await readFile(dir.at("raced", "config.json"), "utf8")).model.seed).toBe(
      Number(winners[0]),
    );
    expect(await listing(dir.at("raced"))).toEqual(ALL_FILES);
  });

  test("stays as it is when the new run does not come to its first step", async () => {
    const before = await listing(dir.at("held"));
    const { code } = await elbow([...line, "--overwrite", "--hidden", "100000,100000"], { cwd: dir.path });
    expect(code).toBe(1);
    expect(await listing(dir.at("held"))).toEqual(before);
  });

  test("is left alone when its config.json is somebody else's", async () => {
    await writeFile(dir.at("idx", "config.json"), '{"name": "my project"}');
    const { code, stderr } = await elbow([...line.slice(0, -1), "idx", "--overwrite"], { cwd: dir.path });
    expect(code).toBe(1);
    expect(stderr).toContain(
      "idx/config.json: expected the config of a run to overwrite, found another file; give another --out",
    );
    expect(await readFile(dir.at("idx", "config.json"), "utf8")).toBe('{"name": "my project"}');
  });
});
