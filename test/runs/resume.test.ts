/** A config.json that does not fit its run is refused in one line, and nothing of the run is changed. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import type { Dataset, Split } from "../../src/data/dataset.ts";
import { ElbowError } from "../../src/errors.ts";
import { checkConfig } from "../../src/model/config.ts";
import { parameterTable } from "../../src/model/parameters.ts";
import { claim } from "../../src/runs/claim-node.ts";
import { expectSameData, openEarlier } from "../../src/runs/resume.ts";
import { type RunConfig, serializeRunConfig } from "../../src/runs/run-config.ts";
import { RUN_FILES } from "../../src/runs/run-directory-node.ts";
import { firstEpoch } from "../support/metrics.ts";

const directory = await mkdtemp(join(tmpdir(), "elbow-resume-"));
afterAll(() => rm(directory, { recursive: true }));

const SHA256 = "ab".repeat(32);
const split: Split = { values: new Uint8Array(60), count: 10, dim: 6, shape: [2, 3] };
const data: Dataset = { name: "idx", sha256: SHA256, train: split, test: split };
const config: RunConfig = {
  id: "0123456789ab",
  data: { name: "idx", source: "/idx", sha256: SHA256, train: 10, test: 10 },
  model: checkConfig({ inputShape: [2, 3, 1], hidden: [5], latentDim: 2 }),
  training: { batchSize: 4, learningRate: 0.001 },
  epochs: 3,
  arithmetic: "simd",
  versions: { elbow: "1.2.3" },
};
const tensors = parameterTable(config.model).tensors.map(([name, shape]) => {
  return { name, shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)) };
});
const progress = { epoch: 1, step: 0, reconstructionSum: 0, klSum: 0, seconds: 0 };
const state = { ...progress, parameters: tensors, m: tensors, v: tensors };

const run = join(directory, "run");
const path = join(run, RUN_FILES.config);
beforeEach(async () => {
  await rm(run, { recursive: true, force: true });
  const writer = await claim(run, config.id!, false);
  await writer.begin(config);
  await writer.save(config, state, [firstEpoch], "1.2.3");
  await writer.close();
});

/** Every byte of the run. */
async function contents(): Promise<[string, string][]> {
  const names = (await readdir(run)).toSorted();
  return Promise.all(names.map(async (name) => [name, (await readFile(join(run, name))).toString("base64")]));
}

/** Opens the run as `elbow train --resume` does before its first write. */
async function resume(dataset = data): Promise<string> {
  try {
    expectSameData(await openEarlier(run), dataset);
    return "resumed";
  } catch (error) {
    if (!(error instanceof ElbowError)) throw error;
    expect(error.message).not.toContain("\n");
    return error.message.replace(`${path}: `, "");
  }
}

type File = Record<string, Record<string, unknown>>;

async function edit(change: (file: File) => void): Promise<void> {
  const file = JSON.parse(serializeRunConfig(config)) as File;
  change(file);
  await writeFile(path, JSON.stringify(file));
}

const CASES: readonly (readonly [string, (file: File) => unknown, RegExp])[] = [
  [
    "a shape of another size",
    ({ model }) => Object.assign(model!, { inputShape: [28, 28, 1] }),
    /^model\.inputShape: expected .*, with inputDim \(6\) as their product, found \[28, 28, 1\]$/,
  ],
  [
    "another size",
    ({ model }) => Object.assign(model!, { inputDim: 7 }),
    /^model\.inputShape: expected .*, with inputDim \(7\) as their product, found \[2, 3, 1\]$/,
  ],
  ["no shape", ({ model }) => delete model!.inputShape, /^model\.inputShape: expected .*, found nothing$/],
  [
    "another size and shape",
    ({ model }) => Object.assign(model!, { inputDim: 8, inputShape: [8] }),
    /^expected inputDim 6, inputShape 2,3,1 as in checkpoint\.safetensors, found inputDim 8, inputShape 8; change it back$/,
  ],
  [
    "another shape of the same size",
    ({ model }) => Object.assign(model!, { inputShape: [3, 2, 1] }),
    /^expected inputShape 2,3,1 as in checkpoint\.safetensors, found inputShape 3,2,1; change it back$/,
  ],
  [
    "other widths",
    ({ model }) => Object.assign(model!, { hidden: [6] }),
    /^expected hidden 5 as in checkpoint/,
  ],
  ["another seed", ({ model }) => Object.assign(model!, { seed: 1 }), /^expected seed 0 as in checkpoint/],
  [
    "more rows",
    ({ data: rows }) => Object.assign(rows!, { train: 11 }),
    /^expected train 10 as in its data, found train 11;/,
  ],
  [
    "a shape of version 1 of another size",
    (file) => Object.assign(file, { formatVersion: 1, data: { ...file.data, imageShape: [28, 28] } }),
    /^data\.imageShape: expected \[height, width\], with inputDim \(6\) as their product, found \[28, 28\]$/,
  ],
  [
    "another shape of version 1",
    (file) => Object.assign(file, { formatVersion: 1, data: { ...file.data, imageShape: [6, 1] } }),
    /^expected inputShape 2,3,1 as in checkpoint\.safetensors, found inputShape 6,1,1; change it back$/,
  ],
];

test("a run that nobody edited is resumed", async () => {
  expect(await resume()).toBe("resumed");
  await edit((file) => Object.assign(file, { formatVersion: 1, data: { ...file.data, imageShape: [2, 3] } }));
  expect(await resume()).toBe("resumed");
});

test.each(CASES)("config.json with %s", async (_, change, message) => {
  await edit(change);
  const before = await contents();
  expect(await resume()).toMatch(message);
  expect(await contents()).toEqual(before);
});

test("before the first checkpoint, too, the shape is that of the data", async () => {
  await rm(join(run, RUN_FILES.checkpoint));
  await edit(({ model }) => Object.assign(model!, { inputShape: [3, 2, 1] }));
  expect(await resume()).toBe(
    "expected inputShape 2,3,1 as in its data, found inputShape 3,2,1; change it back",
  );
  const { shape, ...flat } = split;
  await edit(() => {});
  expect(await resume({ ...data, train: flat, test: flat })).toBe(
    "expected inputShape 6 as in its data, found inputShape 2,3,1; change it back",
  );
});
