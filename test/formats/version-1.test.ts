/** Files as the first version wrote them, put together by hand: rows were images by `imageShape` beside the config. */
import { describe, expect, test } from "vitest";
import { serializeSafetensors } from "../../src/codecs/safetensors.ts";
import { parseCheckpoint, serializeCheckpoint } from "../../src/formats/checkpoint.ts";
import { parseModel, serializeModel } from "../../src/formats/model-file.ts";
import { parseRunConfig, serializeRunConfig } from "../../src/runs/run-config.ts";
import { parseSafetensors } from "../support/parse-safetensors.ts";

const SHA256 = "ab".repeat(32);
const CONFIG =
  '{"inputDim":6,"hidden":[2],"latentDim":1,"activation":"tanh","likelihood":"gaussian","seed":9}';
const LAYERS = { fc1: [2, 6], fc_mu: [1, 2], fc_logvar: [1, 2], fc3: [2, 1], fc4: [6, 2] } as const;

function tensors(prefix: string, start: number): { name: string; shape: number[]; data: Float32Array }[] {
  return Object.entries(LAYERS).flatMap(([layer, [outputs, inputs]]) => [
    {
      name: `${prefix}${layer}.weight`,
      shape: [outputs, inputs],
      data: Float32Array.from({ length: outputs * inputs }, (_, i) => start + i),
    },
    { name: `${prefix}${layer}.bias`, shape: [outputs], data: new Float32Array(outputs).fill(start) },
  ]);
}

const metadata = (contents: string): Record<string, string> => ({
  format: "pt",
  elbow: "0.1.0",
  contents,
  formatVersion: "1",
  config: CONFIG,
  arithmetic: "simd",
  dataset: "idx",
  datasetSha256: SHA256,
  imageShape: "[2,3]",
  epochs: "1",
  steps: "4",
});
const model = (changes: Record<string, string> = {}): Uint8Array =>
  serializeSafetensors(tensors("", 1), { ...metadata("model"), ...changes });
const checkpoint = serializeSafetensors(
  [...tensors("", 1), ...tensors("adam.m.", 2), ...tensors("adam.v.", 3)],
  {
    ...metadata("checkpoint"),
    ...{ batchSize: "32", learningRate: "0.002" },
    ...{ reconstructionSum: "12.5", klSum: "0.75", seconds: "0.5" },
  },
);
const runConfig = (imageShape: object): string =>
  JSON.stringify({
    formatVersion: 1,
    data: { name: "idx", source: "/idx", sha256: SHA256, train: 100, test: 20, ...imageShape },
    model: JSON.parse(CONFIG),
    training: { epochs: 3, batchSize: 32, learningRate: 0.002 },
    kernels: { arithmetic: "simd" },
    versions: { elbow: "0.1.0" },
  });

const config = { ...JSON.parse(CONFIG), inputShape: [2, 3, 1] };
const info = {
  elbow: "0.1.0",
  arithmetic: "simd",
  dataset: { name: "idx", sha256: SHA256 },
  trained: { epochs: 1, steps: 4 },
};

describe("a file of version 1", () => {
  test("is read as a model, with the shape of its images in the config", () => {
    const file = parseModel(model(), "file");
    expect(file.config).toEqual(config);
    expect(file.info).toEqual(info);
    expect([...file.tensors.values()]).toEqual(tensors("", 1));
  });

  test("without images has rows of one dimension", () => {
    const { imageShape, ...rest } = metadata("model");
    const { config: read } = parseModel(serializeSafetensors(tensors("", 1), rest), "file");
    expect(read).toEqual({ ...config, inputShape: [6] });
  });

  test.each(["[28,28]", "[2,3,1]", "[6]", '"2x3"', "[4,1.5]", "[-2,-3]", "[[2],[3]]", "0"])(
    "cannot have images of %s",
    (imageShape) => {
      expect(() => parseModel(model({ imageShape }), "file")).toThrow(
        /^file: __metadata__\.imageShape: expected \[height, width\], with inputDim \(6\) as their product, found /,
      );
    },
  );

  test("is read as a checkpoint, to the last bit", () => {
    const read = parseCheckpoint(checkpoint, "file");
    expect(read).toMatchObject({ config, info, training: { batchSize: 32, learningRate: 0.002 } });
    const { parameters, m, v, ...state } = read.state;
    expect(state).toEqual({ epoch: 1, step: 4, reconstructionSum: 12.5, klSum: 0.75, seconds: 0.5 });
    expect(parameters).toEqual(tensors("", 1));
    expect(m).toEqual(tensors("", 2));
    expect(v).toEqual(tensors("", 3));
  });

  test("is read as the config of a run", () => {
    const read = parseRunConfig(runConfig({ imageShape: [2, 3] }), "config.json");
    expect(read.model).toEqual(config);
    expect(read.data).toEqual({ name: "idx", source: "/idx", sha256: SHA256, train: 100, test: 20 });
    expect(parseRunConfig(runConfig({}), "config.json").model).toEqual({ ...config, inputShape: [6] });
    expect(() => parseRunConfig(runConfig({ imageShape: [3, 3] }), "config.json")).toThrow(
      /^config\.json: data\.imageShape: expected .*, found \[3, 3\]$/,
    );
  });

  test("is written again as version 2", () => {
    const read = parseModel(model(), "file");
    const bytes = serializeModel(
      { config: read.config, tensors: () => [...read.tensors.values()] },
      read.info,
    );
    expect(parseSafetensors(bytes, "file").metadata).toEqual({
      ...metadata("model"),
      formatVersion: "2",
      config: CONFIG.replace('"hidden"', '"inputShape":[2,3,1],"hidden"'),
    });
    const state = parseCheckpoint(checkpoint, "file");
    expect(parseSafetensors(serializeCheckpoint(state), "file").metadata.formatVersion).toBe("2");
    const run = JSON.parse(serializeRunConfig(parseRunConfig(runConfig({ imageShape: [2, 3] }), "file")));
    expect(run).toMatchObject({ formatVersion: 2, model: { inputShape: [2, 3, 1] } });
    expect(run.data).not.toHaveProperty("imageShape");
  });
});
