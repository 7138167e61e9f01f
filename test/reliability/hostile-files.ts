/** Files that lie about their sizes, or hide much in little: the same for the same seed. */
import { gzipSync } from "node:zlib";
import { serializeSafetensors } from "../../src/codecs/safetensors.ts";
import { serializeCheckpoint } from "../../src/formats/checkpoint.ts";
import { serializeModel } from "../../src/formats/model-file.ts";
import { checkConfig } from "../../src/model/config.ts";
import { parameterTable } from "../../src/model/parameters.ts";
import { serializeRunConfig } from "../../src/runs/run-config.ts";
import { craft, lcg } from "../formats/craft.ts";
import { stateOf } from "../support/state.ts";

/** Bytes at the start of a file, and zeros up to its size, which take no room on the disk. */
export interface Crafted {
  readonly what: string;
  readonly bytes: Uint8Array;
  readonly size?: number;
}

export type Kind = "model" | "checkpoint" | "weights" | "trace" | "config" | "metrics" | "images" | "labels";

type Below = (limit: number) => number;
/** What a kind of file is made hostile by, given a good one. */
type Craft = (below: Below, good: Uint8Array) => Crafted;

export function crafter(kind: Kind, seed: number): () => Crafted {
  const next = lcg(seed);
  const below: Below = (limit) => Math.floor((next() / 2 ** 32) * limit);
  const ways = [damaged, sparse, noise, ...WAYS[kind]];
  return () => ways[below(ways.length)]!(below, GOOD[kind]());
}

const config = checkConfig({ inputShape: [2, 3, 1], hidden: [5], latentDim: 2 });
const parameters = parameterTable(config).tensors.map(([name, shape]) => {
  return { name, shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)) };
});
const state = stateOf(parameters);
const LINE = `"trainLoss":1,"trainReconstruction":1,"trainKl":1,"testLoss":1,"testReconstruction":1,"testKl":1,"seconds":1,"imagesPerSecond":1}\n`;

export const ROWS = 40;
const WIDTH = 10;

/** An IDX file with any sizes in its header. */
export function idxOf(sizes: readonly number[], values: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  header.writeUInt32BE(0x0800 + sizes.length);
  for (const [i, size] of sizes.entries()) header.writeUInt32BE(size, 4 + 4 * i);
  return Buffer.concat([header, values]);
}

/** What is read with no complaint. */
export const GOOD: Readonly<Record<Kind, () => Uint8Array>> = {
  model: () => serializeModel({ config, tensors: () => parameters }),
  checkpoint: () =>
    serializeCheckpoint({ config, training: { batchSize: 128, learningRate: 1e-3 }, state, info: {} }),
  weights: () => serializeSafetensors(parameters),
  trace: () => serializeSafetensors(parameters, { contents: "trace" }),
  config: () =>
    Buffer.from(
      serializeRunConfig({
        data: { name: "idx", source: "/data/idx", sha256: "ab".repeat(32), train: 100, test: 20 },
        model: config,
        training: { batchSize: 128, learningRate: 1e-3 },
        epochs: 10,
        arithmetic: "simd",
        versions: { elbow: "1.2.3" },
      }),
    ),
  metrics: () => Buffer.from([1, 2, 3].map((epoch) => `{"epoch":${epoch},${LINE}`).join("")),
  images: () => gzipSync(idxOf([ROWS, WIDTH, WIDTH], new Uint8Array(ROWS * WIDTH * WIDTH).fill(7))),
  labels: () => gzipSync(idxOf([ROWS], new Uint8Array(ROWS).fill(7))),
};

/** JSON of some length that takes far more memory than text. */
function bomb(below: Below, length = below(2 ** 20)): string {
  const many = (text: string): string => text.repeat(Math.ceil(length / text.length));
  const half = "[".repeat(length / 2);
  const texts = [
    () => `[${many("{},")}{}]`,
    () => `[${many("[],")}[]]`,
    () => `[${many("1,")}1]`,
    () => `[${many("-1.5e300,")}1]`,
    () => half + half.replaceAll("[", "]"),
    () => `${'{"a":'.repeat(length / 6)}1${"}".repeat(length / 6)}`,
    () => `{${Array.from({ length: length / 9 }, (_, i) => `"${i.toString(36)}":1`).join(",")}}`,
    () => `"${many("x")}"`,
    () => `"${many("\\u0001")}"`,
    () => many(" "),
    () => many("["),
    () => many('{"":'),
  ];
  return texts[below(texts.length)]!();
}

/** Sizes from a byte to 8 GiB, small ones as often as large ones. */
const anySize = (below: Below): number => Math.floor(2 ** (below(33_000) / 1000));

const damaged: Craft = (below, good) => {
  const bytes = new Uint8Array(good);
  for (let change = below(4); change >= 0; change--) bytes[below(bytes.length)] = below(256);
  return { what: "damaged", bytes: bytes.subarray(0, below(3) === 0 ? below(bytes.length) : undefined) };
};

const sparse: Craft = (below, good) => ({
  what: "zeros after a good start",
  bytes: good.subarray(0, below(2) === 0 ? below(good.length) : undefined),
  size: anySize(below),
});

const noise: Craft = (below) => ({
  what: "noise",
  bytes: Uint8Array.from({ length: below(2000) }, () => below(256)),
  size: anySize(below),
});

/** The JSON of a safetensors file, and the rest. */
function parts(good: Uint8Array): [json: string, data: Uint8Array] {
  const length = Number(new DataView(good.buffer, good.byteOffset).getBigUint64(0, true));
  return [
    Buffer.from(good.subarray(8, 8 + length))
      .toString()
      .trimEnd(),
    good.subarray(8 + length),
  ];
}

const SAFETENSORS: readonly Craft[] = [
  (below, good) => {
    const claimed = BigInt(anySize(below)) ** BigInt(1 + below(2));
    const bytes = new Uint8Array(good);
    new DataView(bytes.buffer).setBigUint64(0, claimed, true);
    return { what: `a header of ${claimed} bytes`, bytes, size: anySize(below) };
  },
  (below, good) => {
    const [json, data] = parts(good);
    const key = ['"x"', '"__metadata__"', '"fc1.bias"'][below(3)];
    return { what: "a bomb as a tensor", bytes: craft(`${json.slice(0, -1)},${key}:${bomb(below)}}`, data) };
  },
  (below, good) => {
    const [, data] = parts(good);
    return {
      what: "a bomb as the header",
      bytes: craft(`{"x":${bomb(below, 2 ** 19 - 50 - below(100))}}`, data),
    };
  },
  (below, good) => {
    const [json, data] = parts(good);
    const config = JSON.stringify(`{"hidden":${bomb(below, below(2 ** 18))}}`);
    return {
      what: "a bomb as the config",
      bytes: craft(
        json.replace(/"config":"(?:[^"\\]|\\.)*"/, () => `"config":${config}`),
        data,
      ),
    };
  },
  (below, good) => {
    // Whole and consistent, but with a tensor of gigabytes where the model has none.
    const [json, data] = parts(good);
    const count = 2 ** 28 + below(2 ** 30);
    const end = data.length + 4 * count;
    const entry = `"huge":{"dtype":"F32","shape":[${count}],"data_offsets":[${data.length},${end}]}`;
    const bytes = craft(`${json.slice(0, -1)},${entry}}`, data);
    return { what: "a huge tensor too many", bytes, size: bytes.length + 4 * count };
  },
  (below, good) => {
    const [json, data] = parts(good);
    const shape = `[${Array.from({ length: below(1e5) }, () => 1 + below(3))}]`;
    return {
      what: "a shape of many sizes",
      bytes: craft(json.replace(/"shape":\[\d+\]/, `"shape":${shape}`), data),
    };
  },
];

const TEXTS: readonly Craft[] = [
  (below) => ({ what: "a bomb", bytes: Buffer.from(bomb(below)) }),
  (below, good) => {
    const text = Buffer.from(good).toString().trimEnd();
    return { what: "a bomb in it", bytes: Buffer.from(`${text.slice(0, -1)},"x":${bomb(below)}}`) };
  },
  (below) => ({ what: "line breaks", bytes: Buffer.alloc(below(2 ** 20), "\n") }),
];

const METRICS: Craft = (below) => {
  const bytes = Buffer.from(
    Array.from({ length: below(5000) }, (_, i) => `{"epoch":${i + 1},${LINE}`).join(""),
  );
  return { what: "too many lines", bytes };
};

const ZEROS = gzipSync(new Uint8Array(2 ** 22), { level: 9 });
const EMPTY = gzipSync(new Uint8Array(0));
const anyWord = (below: Below): number => Math.floor(2 ** (below(32_000) / 1000));

/** Ways to lie about as many dimensions as images or labels have. */
function idxCrafts(dimensions: number): readonly Craft[] {
  const sizes = (below: Below): number[] =>
    Array.from({ length: dimensions }, (_, i) =>
      i === 0 ? anyWord(below) : [WIDTH, anyWord(below)][below(2)]!,
    );
  return [
    (below) => ({
      what: "sizes",
      bytes: idxOf(sizes(below), new Uint8Array(below(5000))),
      size: anySize(below),
    }),
    (below) => ({
      what: "zipped sizes",
      bytes: gzipSync(idxOf(sizes(below), new Uint8Array(below(5000)))),
      size: 0,
    }),
    (below) => {
      const start = gzipSync(idxOf([ROWS, WIDTH, WIDTH].slice(0, dimensions), new Uint8Array(below(2) * 30)));
      return { what: "a gzip bomb", bytes: Buffer.concat([start, ...Array(1 + below(200)).fill(ZEROS)]) };
    },
    (below) => {
      const start = gzipSync(idxOf([ROWS, WIDTH, WIDTH].slice(0, dimensions), new Uint8Array(30)));
      return { what: "empty members", bytes: Buffer.concat([start, ...Array(below(50_000)).fill(EMPTY)]) };
    },
    (below) => {
      // A name that does not end, in a file of any size (its zeros end it, so some are not zero).
      const bytes = Buffer.alloc(below(2 ** 20), "n");
      bytes.set([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]);
      return { what: "a long name", bytes, size: anySize(below) };
    },
    (below) => {
      const zipped = gzipSync(idxOf([ROWS, WIDTH, WIDTH].slice(0, dimensions), new Uint8Array(below(5000))));
      return { what: "another length, then zeros", bytes: zipped, size: anySize(below) };
    },
  ];
}

const WAYS: Readonly<Record<Kind, readonly Craft[]>> = {
  model: SAFETENSORS,
  checkpoint: SAFETENSORS,
  weights: SAFETENSORS,
  trace: SAFETENSORS,
  config: TEXTS,
  metrics: [...TEXTS, METRICS],
  images: idxCrafts(3),
  labels: idxCrafts(1),
};
