import { describe, expect, test } from "vitest";
import { serializeSafetensors } from "../../src/codecs/safetensors.ts";
import { ConfigError, FormatError } from "../../src/errors.ts";
import { importModel } from "../../src/formats/import-model.ts";
import { parseModel, serializeModel } from "../../src/formats/model-file.ts";
import { checkConfig, VAE_DEFAULTS } from "../../src/model/config.ts";
import { Vae } from "../../src/node.ts";
import { parameterTable as twinTable } from "../reference/vae.ts";
import { parseSafetensors } from "../support/parse-safetensors.ts";
import { type CraftedEntry, craft, lcg } from "./craft.ts";

/** What PyTorch's Tensor.float() makes of an element's bits, as the bits of a float32. */
type Widen = (bits: number) => number;

interface Element {
  readonly dtype: string;
  readonly bytes: number;
  /** Bits of a random finite number. */
  readonly draw: (random: () => number) => number;
  readonly widen: Widen;
}

/** binary16 → binary32 on the bits themselves: rebias the exponent, and shift a subnormal number until it is normal. */
function widenHalf(bits: number): number {
  const sign = (bits & 0x8000) << 16;
  let exponent = (bits >> 10) & 0x1f;
  let fraction = bits & 0x3ff;
  if (exponent === 0 && fraction === 0) return sign >>> 0;
  if (exponent === 0) {
    exponent = 1;
    while ((fraction & 0x400) === 0) {
      fraction <<= 1;
      exponent--;
    }
    fraction &= 0x3ff;
  }
  return (sign | ((exponent + 127 - 15) << 23) | (fraction << 13)) >>> 0;
}

const ELEMENTS: readonly Element[] = [
  { dtype: "F32", bytes: 4, draw: (random) => random() & 0xbfffffff, widen: (bits) => bits >>> 0 },
  { dtype: "F16", bytes: 2, draw: (random) => (random() >>> 16) & 0xbbff, widen: widenHalf },
  {
    dtype: "BF16",
    bytes: 2,
    draw: (random) => (random() >>> 16) & 0xbfff,
    widen: (bits) => (bits << 16) >>> 0,
  },
];

interface StateDict {
  readonly file: Uint8Array;
  /** The bits that every tensor must have as float32. */
  readonly expected: ReadonlyMap<string, Uint32Array>;
}

/** The file that safetensors.torch.save_file writes of a state_dict: names in the order of the alphabet, no config. */
function stateDict(shapes: [string, number[]][], { dtype, bytes, draw, widen }: Element): StateDict {
  const random = lcg(5);
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  const data: number[] = [];
  const expected = new Map<string, Uint32Array>();
  for (const [name, shape] of shapes.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const count = shape.reduce((product, size) => product * size, 1);
    const elements = Array.from({ length: count }, () => draw(random));
    const begin = data.length;
    for (const bits of elements) {
      for (let i = 0; i < bytes; i++) data.push((bits >>> (8 * i)) & 0xff);
    }
    header[name] = { dtype, shape, data_offsets: [begin, data.length] };
    expected.set(name, Uint32Array.from(elements, widen));
  }
  return { file: craft(header, data), expected };
}

const bitsOf = (data: Float32Array): Uint32Array =>
  new Uint32Array(data.buffer, data.byteOffset, data.length);

const SHALLOW = checkConfig({ inputDim: 19, hidden: [17], latentDim: 3 });
const DEEP = checkConfig({ inputDim: 9, hidden: [7, 33, 5], latentDim: 17 });

describe.each(ELEMENTS)("a state_dict of $dtype", (element) => {
  test.each([
    ["the original program's names", SHALLOW],
    ["numbered layers", DEEP],
  ])("comes back out bit for bit, %s", async (_, sizes) => {
    const { file, expected } = stateDict(twinTable(sizes), element);
    const { config, tensors } = importModel(file);
    expect(config).toEqual(sizes);
    // Through the model itself, whose memory has another layout.
    const vae = await Vae.create(config, { tensors });
    const back = parseSafetensors(serializeModel(vae), "back");
    expect([...back.tensors.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [name, bits] of expected) {
      const tensor = back.tensors.get(name)!;
      expect(tensor.dtype).toBe("F32");
      expect(tensor.shape).toEqual(new Map(twinTable(sizes)).get(name));
      expect(bitsOf(tensor.data), name).toEqual(bits);
    }
    expect(parseModel(serializeModel(vae)).config).toEqual(config);
  });
});

const SHAPES = twinTable(SHALLOW);

/** Zeros, but for what is said otherwise. */
function weights(
  shapes: readonly (readonly [string, readonly number[]])[] = SHAPES,
  metadata: Record<string, string> = {},
): Uint8Array<ArrayBuffer> {
  const tensors = shapes.map(([name, shape]) => ({
    name,
    shape,
    data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
  }));
  return serializeSafetensors(tensors, metadata);
}

const changed = (name: string, shape: number[]): [string, number[]][] =>
  SHAPES.map(([key, old]) => [key, key === name ? shape : old]);
const renamed = (from: RegExp, to: string): [string, number[]][] =>
  SHAPES.map(([key, shape]) => [key.replace(from, to), shape]);

function refusal(
  bytes: Uint8Array,
  options?: Parameters<typeof importModel>[1],
  kind: typeof ConfigError | typeof FormatError = FormatError,
): string {
  try {
    importModel(bytes, options, "file");
  } catch (error) {
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).not.toContain("\n");
    return (error as Error).message;
  }
  throw new Error("it was taken");
}

describe("settings", () => {
  test("that weights do not tell are the options', or the defaults", () => {
    const { activation, likelihood, seed } = VAE_DEFAULTS;
    expect(importModel(weights()).config).toMatchObject({ activation, likelihood, seed });
    const options = { activation: "tanh", likelihood: "gaussian", seed: 3 } as const;
    expect(importModel(weights(), options).config).toEqual({ ...SHALLOW, ...options });
  });

  test("that weights do tell may be given, and must agree", () => {
    const { inputDim, hidden, latentDim } = SHALLOW;
    expect(importModel(weights(), { inputDim, hidden, latentDim }).config).toEqual(SHALLOW);
    const wrong = [{ inputDim: 20 }, { hidden: [16] }, { hidden: [17, 17] }, { latentDim: 2 }];
    for (const options of wrong)
      expect(refusal(weights(), options, ConfigError)).toMatch(/as the shapes in file have/);
    expect(refusal(weights(), { hidden: [16] }, ConfigError)).toBe(
      "hidden: expected 17, as the shapes in file have, found 16; use that or leave it out",
    );
  });

  test("that are misspelt or not allowed are refused", () => {
    expect(refusal(weights(), { latent: 3 } as object, ConfigError)).toMatch(
      /^latent: expected one of the options \(inputDim, .*, seed\), found an unknown name$/,
    );
    expect(refusal(weights(), { activation: "gelu" as "relu" }, ConfigError)).toMatch(
      /activation: expected relu, tanh or silu, found "gelu"/,
    );
  });
});

describe("weights that are not a model's", () => {
  test.each<[string, Uint8Array, RegExp]>([
    ["no tensors", weights([]), /expected tensor fc1\.weight, found no tensors; rename the layers to fc1, /],
    ["other names", weights(renamed(/^fc1/, "encoder")), /expected tensor fc1\.weight, found "/],
    ["no fc_mu", weights(renamed(/^fc_mu/, "fc21")), /expected tensor fc_mu\.weight, .*"fc21\.weight"/],
    [
      "one missing",
      weights(SHAPES.slice(0, -1)),
      /tensor "fc4\.bias": expected shape \[19\], found no such tensor/,
    ],
    [
      "one too many",
      weights([...SHAPES, ["bn.weight", [4]]]),
      /"bn\.weight": expected only the model's 10 tensors, found 11 with this one of shape \[4\]/,
    ],
    [
      "a gap",
      weights(renamed(/^fc1/, "encoder.0")),
      /expected tensor encoder\.1\.weight, found "encoder\.0\.weight", .*; rename the layers to fc1, /,
    ],
    [
      "a convolution",
      weights(changed("fc1.weight", [17, 1, 19])),
      /"fc1\.weight": expected shape \[outputs, inputs\], found \[17, 1, 19\]; use fully connected layers/,
    ],
    [
      "no inputs",
      weights(changed("fc1.weight", [17, 0])),
      /"fc1\.weight": expected shape \[outputs, inputs\], found \[17, 0\]/,
    ],
    [
      "too wide",
      weights([
        ["fc1.weight", [1, 2 ** 20 + 1]],
        ["fc_mu.weight", [1, 1]],
      ]),
      /^file: .*inputDim.* a whole number from 1 to 1048576\b.* 1048577/,
    ],
    [
      "transposed",
      weights(changed("fc3.weight", [3, 17])),
      /"fc3\.weight": expected shape \[17, 3\], found \[3, 17\]/,
    ],
    [
      "heads that differ",
      weights(changed("fc_logvar.weight", [4, 17])),
      /"fc_logvar\.weight": expected shape \[3, 17\], found \[4, 17\]/,
    ],
  ])("%s", (_, bytes, message) => expect(refusal(bytes)).toMatch(message));

  test("NaN and infinite numbers", () => {
    for (const [dtype, bits] of [
      ["F16", [0x00, 0x7e]],
      ["F16", [0x00, 0xfc]],
      ["BF16", [0xc0, 0x7f]],
      ["F64", [0, 0, 0, 0, 0, 0, 0xf0, 0x7f]],
      // Finite, but not in float32.
      ["F64", [0, 0, 0, 0, 0, 0, 0xe0, 0x7f]],
    ] as const) {
      const { file } = stateDict(SHAPES, { dtype, bytes: bits.length, draw: () => 0, widen: () => 0 });
      const whole = new Uint8Array(file);
      whole.set(bits, whole.length - bits.length);
      expect(refusal(whole)).toMatch(
        /"fc_mu\.weight": expected finite numbers, found (NaN|-?Infinity) at element 50;/,
      );
    }
  });

  test("a file of Elbow's own", async () => {
    const bytes = serializeModel(await Vae.create(SHALLOW));
    expect(refusal(bytes)).toBe(
      'file: expected weights of another program, found a "model" that Elbow wrote; use it as it is',
    );
  });

  const entry = (changes: CraftedEntry): Record<string, unknown> => ({
    "fc1.weight": { dtype: "F32", shape: [1, 2], data_offsets: [0, 8], ...changes },
  });
  const two = (offsets: number[]): Record<string, unknown> => ({
    ...entry({}),
    "fc1.bias": { dtype: "F32", shape: [2], data_offsets: offsets },
  });
  test.each<[string, Uint8Array, RegExp]>([
    [
      "integers",
      craft(entry({ dtype: "I64" }), new Uint8Array(8)),
      /dtype: expected one of F64, F32, F16, BF16, found "I64"; convert it to F32/,
    ],
    ["overlapping offsets", craft(two([4, 12]), new Uint8Array(12)), /overlaps another/],
    ["a hole", craft(two([12, 20]), new Uint8Array(20)), /leaves a hole/],
    [
      "offsets beyond the file",
      craft(entry({}), new Uint8Array(4)),
      /expected data up to byte 8, .* truncated/,
    ],
    ["a size beyond numbers", craft(entry({ shape: [2 ** 40, 2 ** 40] }), []), /a size that a file can have/],
    ["a header of 512 KiB", craft("{}", [], 2n ** 19n - 8n), /524280 bytes of header, found only 2/],
    [
      "a longer header",
      craft("{}", [], 2n ** 19n - 7n),
      /at most 524280 bytes .*; choose a safetensors file/,
    ],
    ["a pickle", Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9), /choose a safetensors file/],
    ["nothing", new Uint8Array(0), /8 bytes of header length, found 0;/],
  ])("%s", (_, bytes, message) => expect(refusal(bytes)).toMatch(message));
});
