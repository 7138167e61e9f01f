import { describe, expect, test } from "vitest";
import { checkConfig } from "../../src/model/config.ts";
import { ConfigError, parseModel, serializeTrace, type Trace, trace, Vae } from "../../src/node.ts";
import { readSafetensors } from "../support/read-safetensors.ts";
import { makeRows } from "../support/training.ts";

const config = {
  inputDim: 9,
  hidden: [5],
  latentDim: 2,
  activation: "relu",
  likelihood: "bernoulli",
  seed: 3,
} as const;
const bytes = makeRows(11, 9, { bytes: true });
const floats = makeRows(11, 9);
/** Three batches of 4, 4 and 3 rows, and one of the next epoch. */
const traced = await trace(await Vae.create(config), bytes, { steps: 4, batchSize: 4, learningRate: 0.01 });
const dataset = { name: "rows", sha256: "ab".repeat(32) };

describe("a trace file", () => {
  const { metadata, tensors } = readSafetensors(
    serializeTrace(traced, { data: bytes, info: { elbow: "1.2.3", dataset }, machine: "a machine" }),
  );
  const of = (name: string) => tensors.get(`trace.${name}`)!;

  test("says what was done", () => {
    expect(metadata).toEqual({
      format: "pt",
      elbow: "1.2.3",
      contents: "trace",
      formatVersion: "2",
      config: JSON.stringify(checkConfig(config)),
      arithmetic: traced.arithmetic,
      dataset: "rows",
      datasetSha256: dataset.sha256,
      batchSize: "4",
      learningRate: "0.01",
      adam: '{"beta1":0.9,"beta2":0.999,"epsilon":1e-8}',
      steps: "4",
      machine: "a machine",
    });
  });

  test("has the initial weights under PyTorch's names", async () => {
    const initial = (await Vae.create(config)).tensors();
    const found = [...tensors].filter(([name]) => !name.startsWith("trace."));
    expect(found.map(([name]) => name)).toEqual(initial.map(({ name }) => name));
    for (const { name, shape, data } of initial) {
      expect(tensors.get(name)).toEqual({ dtype: "F32", shape, data });
    }
  });

  test("has every step's rows, noise, losses and gradient norms", () => {
    const all = traced.steps.flatMap(({ rows }) => [...rows]);
    expect(of("batch_sizes")).toEqual({ dtype: "I32", shape: [4], data: Int32Array.of(4, 4, 3, 4) });
    expect(of("rows")).toEqual({ dtype: "I32", shape: [15], data: Int32Array.from(all) });
    expect(of("x").shape).toEqual([15, 9]);
    const x = all.flatMap((row) => [...bytes.values.subarray(9 * row, 9 * row + 9)]);
    expect(of("x").data).toEqual(Uint8Array.from(x));
    expect(of("noise").shape).toEqual([15, 2]);
    const noise = traced.steps.flatMap((step) => [...step.noise]);
    expect(of("noise").data).toEqual(Float32Array.from(noise));
    for (const term of ["reconstruction", "kl", "seconds"] as const) {
      const data = Float64Array.from(traced.steps, (step) => step[term]);
      expect(of(term)).toEqual({ dtype: "F64", shape: [4], data });
    }
    for (const [i, { name }] of traced.initial.entries()) {
      const data = Float64Array.from(traced.steps, (step) => step.gradientNorms[i]);
      expect(of(`gradient_norm.${name}`)).toEqual({ dtype: "F64", shape: [4], data });
    }
    expect(tensors.size).toBe(3 + 2 * traced.initial.length + 3 + 1);
  });
});

test("floats stay floats, and without the rows there are none", () => {
  const withFloats = readSafetensors(serializeTrace(traced, { data: floats })).tensors.get("trace.x")!;
  expect([withFloats.dtype, withFloats.shape]).toEqual(["F32", [15, 9]]);
  const { metadata, tensors } = readSafetensors(serializeTrace(traced));
  expect(tensors.has("trace.x")).toBe(false);
  expect(Object.keys(metadata)).not.toContain("dataset");
});

test("the same trace gives the same bytes", () => {
  expect(serializeTrace(traced, { data: bytes })).toEqual(serializeTrace(traced, { data: bytes }));
});

describe("what makes no file", () => {
  test("rows of another width, or too few of them", () => {
    const narrow = makeRows(11, 8, { bytes: true });
    expect(() => serializeTrace(traced, { data: narrow })).toThrow(
      new ConfigError({
        setting: "data",
        expected: "rows of 9 numbers, as in the trace",
        found: "rows of 8",
        remedy: "pass the training rows of the trace",
      }),
    );
    expect(() => serializeTrace(traced, { data: makeRows(5, 9) })).toThrow(
      /^data: expected row \d+, as in the trace, found only 5 rows; pass the training rows of the trace$/,
    );
  });

  test("more than a reader could take", () => {
    const [step] = traced.steps;
    // 1088 MiB of rows of floats and 44 of weights; without the rows, below the limit
    const wide: Trace = {
      ...traced,
      config: checkConfig({ ...config, inputDim: 2 ** 20 }),
      steps: new Array(68).fill(step),
    };
    const data = { values: new Float32Array(0), count: 11, dim: 2 ** 20 };
    expect(() => serializeTrace(wide, { data })).toThrow(
      new ConfigError({
        setting: "trace",
        expected: "at most 1024 MiB",
        found: "1133 MiB",
        remedy: "use fewer steps, or leave out the data",
      }),
    );
    expect(serializeTrace(wide).length).toBeLessThan(1e5);
  });
});

test("a trace is not taken for a model", () => {
  expect(() => parseModel(serializeTrace(traced), "t.safetensors")).toThrow(
    't.safetensors: expected a model, found a "trace"; give the model instead',
  );
});
