import fc from "fast-check";
import { expect, test } from "vitest";
import { FormatError } from "../../src/errors.ts";
import { checkConfig } from "../../src/model/config.ts";
import { parseMetrics, serializeMetrics } from "../../src/runs/metrics.ts";
import { parseRunConfig, serializeRunConfig } from "../../src/runs/run-config.ts";
import { damaged, edit, edited } from "./damage.ts";
import { expectDefended, expectPrintable } from "./defence.ts";

const config = serializeRunConfig({
  data: {
    name: "idx",
    source: "/data/idx",
    directory: "/data",
    sha256: "ab".repeat(32),
    train: 100,
    test: 20,
  },
  model: checkConfig({ inputShape: [2, 3, 1], hidden: [5, 4], latentDim: 2 }),
  training: { batchSize: 128, learningRate: 1e-3 },
  epochs: 10,
  arithmetic: "simd",
  versions: { elbow: "1.2.3", node: "v26.0.0" },
});

const epoch = {
  trainLoss: 187.25,
  trainReconstruction: 180,
  trainKl: 7.25,
  testLoss: null,
  testReconstruction: null,
  testKl: null,
  seconds: 1.5,
  imagesPerSecond: 40_000,
};
const metrics = serializeMetrics([1, 2, 3].map((number) => ({ epoch: number, ...epoch })));

/** JSON texts, each line by itself, with a value changed here and there. */
function texts(sample: string): fc.Arbitrary<string> {
  const bytes = new TextEncoder().encode(sample);
  const decoder = new TextDecoder();
  const lines = sample.startsWith("{\n") ? [sample] : sample.trimEnd().split("\n");
  const changed = fc
    .tuple(fc.nat(lines.length - 1), fc.array(edit, { minLength: 1, maxLength: 3 }))
    .map(([at, edits]) =>
      lines
        .map((line, i) => (i === at ? JSON.stringify(edits.reduce<unknown>(edited, JSON.parse(line))) : line))
        .map((line) => `${line}\n`)
        .join(""),
    );
  return fc.oneof(
    damaged([bytes]).map((damage) => decoder.decode(damage)),
    changed,
  );
}

const defended = { error: FormatError, sizeOf: ({ length }: string) => length, multiple: 1 };

test("config.json", async () => {
  await expectDefended({
    ...defended,
    input: texts(config),
    read: (text) => {
      const read = parseRunConfig(text, "file");
      expectPrintable(read);
      expect(parseRunConfig(serializeRunConfig(read), "file")).toEqual(read);
    },
  });
});

test("metrics.jsonl", async () => {
  await expectDefended({ ...defended, input: texts(metrics), read: (text) => parseMetrics(text, "file") });
});
