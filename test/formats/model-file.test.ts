import { describe, expect, test } from "vitest";
import { serializeSafetensors } from "../../src/codecs/safetensors.ts";
import { ConfigError, FormatError } from "../../src/errors.ts";
import { type Checkpoint, parseCheckpoint, serializeCheckpoint } from "../../src/formats/checkpoint.ts";
import type { ModelInfo } from "../../src/formats/metadata.ts";
import { parseModel, serializeModel } from "../../src/formats/model-file.ts";
import { checkConfig, type VaeConfig } from "../../src/model/config.ts";
import { parameterTable } from "../../src/model/parameters.ts";
import type { NamedTensor } from "../../src/model/tensors.ts";
import { parseSafetensors } from "../support/parse-safetensors.ts";
import { lcg } from "./craft.ts";

const CONFIG = checkConfig({
  inputShape: [2, 3, 1],
  hidden: [5, 4],
  latentDim: 3,
  activation: "tanh",
  seed: 2 ** 53 - 1,
});
const INFO: ModelInfo = {
  elbow: "1.2.3",
  arithmetic: "simd",
  dataset: { name: "mes données", sha256: "ab".repeat(32) },
  trained: { epochs: 7, steps: 12 },
};

/** Tensors of random bits, but finite: subnormal numbers and negative zeros among them. */
function tensorsOf(config: VaeConfig, seed: number): NamedTensor[] {
  const random = lcg(seed);
  return parameterTable(config).tensors.map(([name, shape]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const bits = Uint32Array.from({ length: count }, () => random() & 0xbfffffff);
    bits[0] = 0x80000000;
    return { name, shape, data: new Float32Array(bits.buffer) };
  });
}

const bitsOf = (tensors: Iterable<NamedTensor>): [string, Uint32Array][] =>
  Array.from(tensors, ({ name, data }) => [name, new Uint32Array(data.buffer, data.byteOffset, data.length)]);

const model = (tensors = tensorsOf(CONFIG, 1)): Parameters<typeof serializeModel>[0] => ({
  config: CONFIG,
  tensors: () => tensors,
});

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).toMatch(/^file: [^\n]+$/);
    return (error as Error).message;
  }
  throw new Error("it was taken");
}

/** What a reader would refuse is not written. */
function notWritten(write: () => unknown): string {
  try {
    write();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toMatch(/^the (model|checkpoint): [^\n]+$/);
    return (error as Error).message;
  }
  throw new Error("it was written");
}

describe("a model file", () => {
  test("gives back the config, what is known, and every bit of the weights", () => {
    const tensors = tensorsOf(CONFIG, 1);
    const file = parseModel(serializeModel(model(tensors), INFO), "file");
    expect(file.config).toEqual(CONFIG);
    expect(file.info).toEqual(INFO);
    expect(bitsOf(file.tensors.values())).toEqual(bitsOf(tensors));
  });

  test("does without what is not known", () => {
    const { config, info } = parseModel(serializeModel(model()), "file");
    expect(config).toEqual(CONFIG);
    expect(Object.values(info).filter((value) => value !== undefined)).toEqual([]);
  });

  test("is the same bytes for the same model", () => {
    expect(serializeModel(model(), INFO)).toEqual(serializeModel(model(), { ...INFO }));
  });

  test("is a file that PyTorch's tools take", () => {
    expect(parseSafetensors(serializeModel(model(), INFO), "file").metadata.format).toBe("pt");
  });

  const tampered = (
    changes: Record<string, string | undefined>,
    tensors = tensorsOf(CONFIG, 1),
  ): Uint8Array => {
    const { metadata } = parseSafetensors(serializeModel(model(), INFO), "file");
    const texts = Object.entries({ ...metadata, ...changes }).filter(([, text]) => text !== undefined);
    return serializeSafetensors(tensors, Object.fromEntries(texts) as Record<string, string>);
  };
  const withConfig = (changes: object): Uint8Array =>
    tampered({ config: JSON.stringify({ ...CONFIG, ...changes }) });

  test.each([
    [
      "no config",
      tampered({ config: undefined }),
      /expected an Elbow model, found no config in its __metadata__; import weights of another program/,
    ],
    [
      "a newer format",
      tampered({ formatVersion: "3" }),
      /formatVersion: expected 2 or less, found 3; read it with a newer Elbow/,
    ],
    ["another kind", tampered({ contents: "soup" }), /expected a model, found a "soup"; give the model/],
    [
      "config that is no JSON",
      tampered({ config: "{" }),
      /__metadata__\.config: expected JSON, found another text/,
    ],
    [
      "config that is a list",
      tampered({ config: "[]" }),
      /__metadata__\.config: expected a JSON object, found \[\]/,
    ],
    ["config that is null", tampered({ config: "null" }), /config: expected a JSON object, found null/],
    [
      "a setting that is missing",
      withConfig({ seed: undefined }),
      /config\.seed: expected .*, found nothing/,
    ],
    ["a setting that is null", withConfig({ hidden: null }), /config\.hidden: expected .*, found null/],
    [
      "a setting of another kind",
      withConfig({ inputDim: "6" }),
      /config\.inputDim: expected a whole number .*, found "6"/,
    ],
    [
      "a setting that is not known",
      withConfig({ activation: "gelu" }),
      /config\.activation: expected relu, tanh or silu, found "gelu"/,
    ],
    [
      "a setting too deep to print",
      tampered({ config: `{"inputDim":6,"inputShape":[6],"hidden":${"[".repeat(2e4)}${"]".repeat(2e4)}}` }),
      /config\.hidden: .* found \[a list of 1\]/,
    ],
    [
      "another shape",
      withConfig({ latentDim: 4 }),
      /"fc_mu\.weight": expected shape \[4, 4\], found \[3, 4\]/,
    ],
    [
      "absurd sizes",
      withConfig({ hidden: Array(64).fill(2 ** 20) }),
      /"encoder\.0\.weight": expected shape \[1048576, 6\], found \[5, 6\]/,
    ],
    [
      "fewer layers",
      withConfig({ hidden: [5] }),
      /"fc1\.weight": expected shape \[5, 6\], found no such tensor/,
    ],
    [
      "an image of another size",
      withConfig({ inputShape: [28, 28, 1] }),
      /inputShape: expected .* with inputDim \(6\) as their product, found \[28, 28, 1\]/,
    ],
    [
      "a shape that is missing",
      withConfig({ inputShape: undefined }),
      /inputShape: expected .*, found nothing/,
    ],
    ["an epoch and a half", tampered({ epochs: "1.5" }), /whole number/],
    [
      "a number that is not written as we do",
      tampered({ epochs: "07" }),
      /epochs: expected a whole number, 0 or more, found "07"/,
    ],
    [
      "an arithmetic that is not known",
      tampered({ arithmetic: "exact" }),
      /arithmetic: expected simd or relaxed, found "exact"/,
    ],
    [
      "a name that is no text for other readers",
      tampered({ dataset: "a\ud800" }),
      /dataset: expected well-formed text, found "a\\u\{d800\}"/,
    ],
  ])("%s", (_, bytes, message) => {
    expect(refusal(() => parseModel(bytes, "file"))).toMatch(message);
  });

  test.each([Number.NaN, Infinity, -Infinity])("a weight that is %s", (value) => {
    const tensors = tensorsOf(CONFIG, 1);
    tensors[2]!.data[7] = value;
    const expected = `tensor "encoder.1.weight": expected finite numbers, found ${value} at element 7; use weights`;
    expect(refusal(() => parseModel(tampered({}, tensors), "file"))).toContain(expected);
    expect(notWritten(() => serializeModel(model(tensors), INFO))).toContain(expected);
  });

  test.each([
    ["half an epoch", { trained: { epochs: 0.5, steps: 0 } }, "epochs: expected a whole number, 0 or more"],
    ["no steps", { trained: { epochs: 1, steps: Number.NaN } }, "steps: expected a whole number, 0 or more"],
    ["another arithmetic", { arithmetic: "exact" }, 'arithmetic: expected simd or relaxed, found "exact"'],
    ["half a character", { dataset: { name: "\ud83d", sha256: "00" } }, "dataset: expected well-formed text"],
    ["a name without a checksum", { dataset: { name: "idx" } }, "datasetSha256: expected well-formed text"],
  ])("is not written with %s", (_, info, message) => {
    expect(notWritten(() => serializeModel(model(), info as ModelInfo))).toContain(`__metadata__.${message}`);
  });

  test.each([
    ["a config without a seed", { ...CONFIG, seed: undefined }, "config.seed: expected a whole number"],
    ["a shape of another size", { ...CONFIG, inputShape: [7] }, "config.inputShape: expected"],
    ["another width", { ...CONFIG, latentDim: 4 }, 'tensor "fc_mu.weight": expected shape [4, 4]'],
  ])("is not written of %s", (_, config, message) => {
    const write = () => serializeModel({ ...model(), config: config as VaeConfig });
    expect(notWritten(write)).toContain(message);
  });

  test("every length short of the whole is refused", () => {
    const bytes = serializeModel(model(), INFO);
    for (let length = 0; length < bytes.length; length += 1 + (length % 13)) {
      refusal(() => parseModel(bytes.subarray(0, length), "file"));
    }
  });
});

describe("a checkpoint", () => {
  const CHECKPOINT: Checkpoint = {
    config: CONFIG,
    training: { batchSize: 65536, learningRate: 1 / 3 },
    state: {
      epoch: 3,
      step: 41,
      reconstructionSum: 1234567.0000000002,
      klSum: 5e-324,
      seconds: 0.1 + 0.2,
      parameters: tensorsOf(CONFIG, 1),
      m: tensorsOf(CONFIG, 2),
      v: tensorsOf(CONFIG, 3),
    },
    info: { arithmetic: "relaxed", dataset: { name: "digits", sha256: "00" } },
  };
  const bytes = serializeCheckpoint(CHECKPOINT);

  test("gives back the state to the last bit", () => {
    const { config, training, state, info } = parseCheckpoint(bytes, "file");
    expect(config).toEqual(CONFIG);
    expect(training).toEqual(CHECKPOINT.training);
    const { parameters, m, v, ...numbers } = state;
    expect(numbers).toEqual({
      epoch: 3,
      step: 41,
      reconstructionSum: 1234567.0000000002,
      klSum: 5e-324,
      seconds: 0.1 + 0.2,
    });
    expect(bitsOf(parameters)).toEqual(bitsOf(CHECKPOINT.state.parameters));
    expect(bitsOf(m)).toEqual(bitsOf(CHECKPOINT.state.m));
    expect(bitsOf(v)).toEqual(bitsOf(CHECKPOINT.state.v));
    expect(info).toMatchObject({ ...CHECKPOINT.info, trained: { epochs: 3, steps: 41 } });
    expect(serializeCheckpoint({ config, training, state, info })).toEqual(bytes);
  });

  test("names Adam's moments after their tensors", () => {
    const names = [...parseSafetensors(bytes, "file").tensors.keys()];
    const own = CHECKPOINT.state.parameters.map(({ name }) => name);
    expect(names).toEqual([
      ...own,
      ...own.map((name) => `adam.m.${name}`),
      ...own.map((name) => `adam.v.${name}`),
    ]);
  });

  test("is not a model, and a model is none", () => {
    expect(refusal(() => parseModel(bytes, "file"))).toContain(
      'expected a model, found a "checkpoint"; give the model instead',
    );
    expect(refusal(() => parseCheckpoint(serializeModel(model(), INFO), "file"))).toContain(
      'expected a checkpoint, found a "model"; give the checkpoint instead',
    );
  });

  test.each([
    ["learningRate", "0", /__metadata__\.learningRate: expected a number above 0, found 0/],
    ["batchSize", "1.5", /__metadata__\.batchSize: expected a whole number from 1 to 65536, found 1\.5/],
    ["klSum", "NaN", /klSum: expected a number, found "NaN"/],
    ["seconds", "1,5", /seconds: expected a number, found "1,5"/],
    ["epochs", "-1", /whole number, 0 or more/],
    ["steps", undefined, /steps: expected a whole number, 0 or more, found nothing/],
  ])("%s of %s", (key, text, message) => {
    const { metadata, tensors } = parseSafetensors(bytes, "file");
    const texts = Object.entries({ ...metadata, [key]: text }).filter(([, value]) => value !== undefined);
    const changed = serializeSafetensors(
      tensors.values(),
      Object.fromEntries(texts) as Record<string, string>,
    );
    expect(refusal(() => parseCheckpoint(changed, "file"))).toMatch(message);
  });

  test.each([
    ["epoch", -1],
    ["epoch", 0.5],
    ["step", Number.NaN],
    ["step", -41],
    ["reconstructionSum", Number.NaN],
    ["klSum", Number.POSITIVE_INFINITY],
    ["seconds", Number.NaN],
  ])("is not written with %s of %s", (key, value) => {
    const state = { ...CHECKPOINT.state, [key]: value };
    expect(notWritten(() => serializeCheckpoint({ ...CHECKPOINT, state }))).toMatch(
      new RegExp(`__metadata__\\.${key}s?: expected a [^,]*number[^,]*, .*found "?${value}`),
    );
  });

  test("may have a sum just below 0, as rounding makes it", () => {
    const state = { ...CHECKPOINT.state, klSum: -1e-3 };
    expect(parseCheckpoint(serializeCheckpoint({ ...CHECKPOINT, state }), "file").state.klSum).toBe(-1e-3);
  });

  test("is not written with moments that are not finite", () => {
    const v = tensorsOf(CONFIG, 3);
    v[1]!.data[2] = Number.POSITIVE_INFINITY;
    const state = { ...CHECKPOINT.state, v };
    expect(notWritten(() => serializeCheckpoint({ ...CHECKPOINT, state }))).toContain(
      'tensor "adam.v.encoder.0.bias": expected finite numbers, found Infinity at element 2',
    );
  });

  test("moments that are missing, or not finite", () => {
    const { metadata, tensors } = parseSafetensors(bytes, "file");
    const list = [...tensors.values()];
    const without = serializeSafetensors(
      list.filter(({ name }) => name !== "adam.v.fc_mu.bias"),
      metadata,
    );
    expect(refusal(() => parseCheckpoint(without, "file"))).toContain(
      'tensor "adam.v.fc_mu.bias": expected shape [3], found no such tensor',
    );
    tensors.get("adam.m.fc_mu.bias")!.data[1] = Number.NaN;
    const spoiled = serializeSafetensors(list, metadata);
    expect(refusal(() => parseCheckpoint(spoiled, "file"))).toContain(
      'tensor "adam.m.fc_mu.bias": expected finite numbers, found NaN at element 1',
    );
  });
});
