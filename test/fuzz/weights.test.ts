import fc from "fast-check";
import { expect, test } from "vitest";
import { serializeSafetensors } from "../../src/codecs/safetensors.ts";
import { FormatError } from "../../src/errors.ts";
import { parseCheckpoint, serializeCheckpoint } from "../../src/formats/checkpoint.ts";
import { importModel } from "../../src/formats/import-model.ts";
import { type ModelFile, parseModel, serializeModel } from "../../src/formats/model-file.ts";
import { checkConfig, type VaeConfig } from "../../src/model/config.ts";
import { parameterTable } from "../../src/model/parameters.ts";
import type { NamedTensor } from "../../src/model/tensors.ts";
import { craft } from "../formats/craft.ts";
import { parseSafetensors } from "../support/parse-safetensors.ts";
import { stateOf } from "../support/state.ts";
import { damaged, edit, edited } from "./damage.ts";
import { bytesMade, expectDefended, expectPrintable } from "./defence.ts";

const CONFIGS = [
  checkConfig({ inputShape: [2, 3, 1], hidden: [5], latentDim: 2, seed: 7 }),
  checkConfig({ inputDim: 4, hidden: [3, 2], latentDim: 1, activation: "tanh", likelihood: "gaussian" }),
];

function tensorsOf(config: VaeConfig): NamedTensor[] {
  return parameterTable(config).tensors.map(([name, shape]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return { name, shape, data: Float32Array.from({ length: count }, (_, i) => Math.sin(i)) };
  });
}

const INFO = {
  elbow: "1.2.3",
  arithmetic: "simd",
  dataset: { name: "idx", sha256: "ab".repeat(32) },
  trained: { epochs: 7, steps: 12 },
} as const;

const models = CONFIGS.map((config, i) =>
  serializeModel({ config, tensors: () => tensorsOf(config) }, i === 0 ? INFO : {}),
);
const checkpoints = CONFIGS.map((config) => {
  const training = { batchSize: 128, learningRate: 1e-3 };
  return serializeCheckpoint({ config, training, state: stateOf(tensorsOf(config)), info: INFO });
});
const stateDicts = CONFIGS.map((config) => serializeSafetensors(tensorsOf(config), { format: "pt" }));
const halves = craft(
  {
    a: { dtype: "F16", shape: [3], data_offsets: [0, 6] },
    b: { dtype: "BF16", shape: [1, 2], data_offsets: [6, 10] },
    c: { dtype: "F64", shape: [], data_offsets: [10, 18] },
    d: { dtype: "F32", shape: [0, 9], data_offsets: [18, 18] },
  },
  new Uint8Array(18).fill(0x3c),
);

/** A change of the header's JSON, with its length set right, as far as there is a header. */
const headerEdit = edit.map((change) =>
  Object.assign(
    (bytes: Uint8Array<ArrayBuffer>) => {
      const length =
        bytes.length < 8 ? 0 : Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
      try {
        const text = new TextDecoder().decode(bytes.subarray(8, 8 + length));
        return craft(JSON.stringify(edited(JSON.parse(text), change)), bytes.subarray(8 + length));
      } catch {
        return bytes;
      }
    },
    { [fc.toStringMethod]: () => `edit ${JSON.stringify(change)}` },
  ),
);

/** The header's length is another. */
const lengthEdit = fc
  .oneof(
    fc.constantFrom(0n, 1n, 100_000_000n, 100_000_001n, 2n ** 63n, 2n ** 64n - 1n),
    fc.bigInt({ min: 0n, max: 4096n }),
  )
  .map((length) =>
    Object.assign(
      (bytes: Uint8Array<ArrayBuffer>) => {
        const changed = new Uint8Array(bytes);
        if (changed.length >= 8) new DataView(changed.buffer).setBigUint64(0, length, true);
        return changed;
      },
      { [fc.toStringMethod]: () => `header of ${length} bytes` },
    ),
  );

const files = (samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array<ArrayBuffer>> =>
  damaged(samples, [headerEdit, lengthEdit]);

/** What is taken for a model is one. */
function expectModel({ config, tensors, info }: ModelFile): void {
  expectPrintable(info);
  for (const [name, shape] of parameterTable(config).tensors) {
    const data = tensors.get(name)?.data;
    const count = shape.reduce((product, size) => product * size, 1);
    if (data?.length !== count || !data.every(Number.isFinite)) throw new Error(`${name} is wrong`);
  }
}

// A tensor of F16 takes twice its bytes as float32 and its own once more on the way, the header its own as a copy.
const defended = { error: FormatError, sizeOf: ({ length }: Uint8Array) => length, multiple: 4 };

test("safetensors", async () => {
  const input = files([...models, halves, ...stateDicts]);
  await expectDefended({ ...defended, input, read: (bytes) => parseSafetensors(bytes, "file") });
});

test("model files", async () => {
  await expectDefended({
    ...defended,
    input: files(models),
    read: (bytes) => expectModel(parseModel(bytes, "file")),
  });
});

test("checkpoints", async () => {
  await expectDefended({
    ...defended,
    input: files(checkpoints),
    read: (bytes) => parseCheckpoint(bytes, "file"),
  });
});

test("weights of other programs", async () => {
  await expectDefended({
    ...defended,
    input: files([...stateDicts, halves]),
    read: (bytes) => expectModel(importModel(bytes, {}, "file")),
  });
});

test("what the undamaged files take is within the bounds, and is counted", async () => {
  for (const bytes of models) {
    const made = await bytesMade(() => parseModel(bytes, "file"));
    expect(made).toBeGreaterThan(bytes.length / 2);
    expect(made).toBeLessThan(4 * bytes.length);
  }
  expect(await bytesMade(() => new Float64Array(1000).subarray(1).slice())).toBe(8000 + 7992);
  expect(await bytesMade(() => Float32Array.from([1, 2, 3]))).toBe(12);
  expect(await bytesMade(() => new Uint8Array(new ArrayBuffer(50), 10))).toBe(50);
});
