import { describe, expect, test } from "vitest";
import {
  expectTensors,
  parseSafetensorsHeader,
  readMetadata,
  serializeSafetensors,
} from "../../src/codecs/safetensors.ts";
import { ConfigError, FormatError } from "../../src/errors.ts";
import { bytesOf, craft, lcg } from "../formats/craft.ts";
import { parseSafetensors } from "../support/parse-safetensors.ts";

const weight = { name: "fc1.weight", shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) };
const bias = { name: "fc1.bias", shape: [2], data: Float32Array.of(-1, 0.5) };

/** The one line with which a file is refused. */
function refusal(bytes: Uint8Array): string {
  try {
    parseSafetensors(bytes, "m.safetensors");
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    expect(error.message).toMatch(
      /^m\.safetensors: [^\n\r\u2028\u2029]+, found [^\n\r\u2028\u2029]+(; [\w' ]+)?$/,
    );
    return error.message;
  }
  throw new Error("The file was accepted.");
}

function refusalOfEntry(entry: Record<string, unknown>, dataBytes = 8): string {
  return refusal(craft({ a: entry }, new Uint8Array(dataBytes)));
}

describe("what is written", () => {
  test("has the bytes of the reference implementation", () => {
    // From the tests of huggingface/safetensors: a header of 72 bytes, seven of them spaces.
    const file = serializeSafetensors([{ name: "attn0", shape: [1, 1, 2, 3], data: weight.data }]);
    const header = '{"attn0":{"dtype":"F32","shape":[1,1,2,3],"data_offsets":[0,24]}}       ';
    expect(file).toEqual(craft(header, bytesOf(weight.data)));
    expect(serializeSafetensors([])).toEqual(craft("{}      "));
    expect(serializeSafetensors([], { framework: "pt" })).toEqual(
      craft('{"__metadata__":{"framework":"pt"}}     '),
    );
  });

  test("keeps the order of tensors and metadata, even of names that look like numbers", () => {
    const tensors = ["b", "1", "a", "0"].map((name) => ({ name, shape: [], data: Float32Array.of(7) }));
    const file = serializeSafetensors(tensors, { z: "1", a: "2" });
    const text = new TextDecoder().decode(file);
    const keys = [...text.matchAll(/"(\w+)":[{"]/g)].map((match) => match[1]);
    expect(keys).toEqual(["__metadata__", "z", "a", "b", "dtype", "1", "dtype", "a", "dtype", "0", "dtype"]);
  });

  test("starts its data at a multiple of 8, whatever the names' lengths", () => {
    for (let length = 1; length <= 16; length++) {
      const file = serializeSafetensors([{ ...bias, name: "é".repeat(length) }]);
      expect(new DataView(file.buffer).getBigUint64(0, true) % 8n).toBe(0n);
      expect(parseSafetensors(file, "m").tensors.get("é".repeat(length))!.data).toEqual(bias.data);
    }
  });

  test("may come from shared memory", () => {
    const shared = new Float32Array(new SharedArrayBuffer(64), 4, 2);
    shared.set(bias.data);
    expect(serializeSafetensors([{ ...bias, data: shared }])).toEqual(serializeSafetensors([bias]));
  });

  test("is refused when it makes no sense", () => {
    const taken = { expected: "a name of its own", found: "one that is in use" };
    expect(() => serializeSafetensors([bias, bias])).toThrow(
      new ConfigError({ setting: 'tensor "fc1.bias"', ...taken }),
    );
    expect(() => serializeSafetensors([{ ...bias, name: "__metadata__" }])).toThrow(
      new ConfigError({ setting: 'tensor "__metadata__"', ...taken }),
    );
    for (const shape of [[3], [], [-1, -2], [0.5, 4], [Number.NaN]]) {
      const expected = "a shape of 2 elements, as its data has";
      const fault = { expected, found: `[${shape.join(", ")}]` };
      expect(() => serializeSafetensors([{ ...bias, shape }])).toThrow(
        new ConfigError({ setting: 'tensor "fc1.bias"', ...fault }),
      );
    }
  });
});

test("every array is written as what it is, little-endian", () => {
  const arrays = {
    F64: Float64Array.of(0.1, -1e300),
    F32: Float32Array.of(1.5),
    I32: Int32Array.of(-2, 2 ** 31 - 1, 7),
    U8: Uint8Array.of(255, 0),
  };
  const tensors = Object.entries(arrays).map(([name, data]) => ({ name, shape: [data.length], data }));
  const file = serializeSafetensors(tensors);
  const headerBytes = new DataView(file.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerBytes)));
  expect(header).toEqual({
    F64: { dtype: "F64", shape: [2], data_offsets: [0, 16] },
    F32: { dtype: "F32", shape: [1], data_offsets: [16, 20] },
    I32: { dtype: "I32", shape: [3], data_offsets: [20, 32] },
    U8: { dtype: "U8", shape: [2], data_offsets: [32, 34] },
  });
  const data = new DataView(file.buffer, 8 + headerBytes);
  expect([data.getFloat64(0, true), data.getFloat64(8, true)]).toEqual([0.1, -1e300]);
  expect(data.getFloat32(16, true)).toBe(1.5);
  expect([20, 24, 28].map((at) => data.getInt32(at, true))).toEqual([-2, 2 ** 31 - 1, 7]);
  expect([data.getUint8(32), data.getUint8(33)]).toEqual([255, 0]);
  expect(data.byteLength).toBe(34);
});

test("what a file says of itself can be asked whatever its tensors are", () => {
  const counts = { name: "counts", shape: [1], data: Int32Array.of(1) };
  expect({ ...readMetadata({ bytes: serializeSafetensors([counts], { contents: "trace" }) }, "m") }).toEqual({
    contents: "trace",
  });
  expect(() => readMetadata({ bytes: new Uint8Array(3) }, "m")).toThrow(FormatError);
});

describe("what is read", () => {
  test("is what was written, bit for bit", () => {
    const odd = Float32Array.of(-0, Number.NaN, Number.NEGATIVE_INFINITY, 1e-45, 3.4028234663852886e38);
    new Uint32Array(odd.buffer)[1] = 0x7fa12345; // a signalling NaN with a payload
    const tensors = [weight, bias, { name: "odd", shape: [5], data: odd }];
    const metadata = { format: "pt", config: '{"latent":2}', "line\nbreak": "数字 \u0000" };
    const read = parseSafetensors(serializeSafetensors(tensors, metadata), "m");
    expect({ ...read.metadata }).toEqual(metadata);
    expect([...read.tensors.keys()]).toEqual(["fc1.weight", "fc1.bias", "odd"]);
    for (const { name, shape, data } of tensors) {
      const tensor = read.tensors.get(name)!;
      expect([tensor.name, tensor.dtype, tensor.shape]).toEqual([name, "F32", shape]);
      expect(bytesOf(tensor.data)).toEqual(bytesOf(data));
    }
  });

  test("does not alias the file", () => {
    const file = serializeSafetensors([bias]);
    const { tensors } = parseSafetensors(file, "m");
    file.fill(0);
    expect(tensors.get("fc1.bias")!.data).toEqual(bias.data);
  });

  test("may have scalars, empty tensors and no tensors at all", () => {
    const tensors = [
      { name: "none", shape: [0, 5], data: new Float32Array(0) },
      { name: "scalar", shape: [], data: Float32Array.of(3) },
      { name: "none too", shape: [2, 0], data: new Float32Array(0) },
    ];
    const read = parseSafetensors(serializeSafetensors(tensors), "m").tensors;
    expect(read.get("none")!.shape).toEqual([0, 5]);
    expect(read.get("scalar")!.data).toEqual(Float32Array.of(3));
    expect(read.size).toBe(3);
    expect(parseSafetensors(craft("{}"), "m").tensors.size).toBe(0);
  });

  test("may lie in any order, at any alignment, in a Buffer or in shared memory", () => {
    const header = {
      second: { dtype: "F32", shape: [1], data_offsets: [4, 8] },
      first: { dtype: "F32", shape: [1], data_offsets: [0, 4] },
    };
    const file = craft(header, bytesOf(Float32Array.of(1.5, 2.5)));
    for (let shift = 0; shift < 8; shift++) {
      const roomy = new Uint8Array(new SharedArrayBuffer(file.length + 8));
      roomy.set(file, shift);
      const moved = roomy.subarray(shift, shift + file.length);
      for (const bytes of [moved, Buffer.from(moved)]) {
        const { tensors } = parseSafetensors(bytes, "m");
        expect([...tensors.keys()]).toEqual(["first", "second"]);
        expect(tensors.get("second")!.data).toEqual(Float32Array.of(2.5));
        expect(tensors.get("second")!.data.buffer).not.toBe(bytes.buffer);
      }
    }
  });

  test("may be F16, BF16 or F64", () => {
    const halves = Uint16Array.of(
      0x3c00,
      0xc000,
      0x0001,
      0x03ff,
      0x0400,
      0x7bff,
      0x7c00,
      0xfc00,
      0x7e00,
      0x8000,
    );
    const ofHalves = [1, -2, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 65504, Infinity, -Infinity, Number.NaN, -0];
    const brains = Uint16Array.of(0x3f80, 0xc000, 0x0001, 0x7f7f, 0x7f80, 0xff80, 0x7fc0, 0x8000);
    const ofBrains = [1, -2, 2 ** -133, 255 * 2 ** 120, Infinity, -Infinity, Number.NaN, -0];
    const doubles = Float64Array.of(0.1, 1e300, -1e300, 1e-320, Number.NaN);
    const ofDoubles = [Math.fround(0.1), Infinity, -Infinity, 0, Number.NaN];
    for (const [dtype, raw, expected] of [
      ["F16", halves, ofHalves],
      ["BF16", brains, ofBrains],
      ["F64", doubles, ofDoubles],
    ] as const) {
      const entry = { dtype, shape: [raw.length], data_offsets: [0, raw.byteLength] };
      const tensor = parseSafetensors(craft({ a: entry }, bytesOf(raw)), "m").tensors.get("a")!;
      expect(tensor.dtype).toBe(dtype);
      expect([...tensor.data]).toEqual(expected);
    }
  });

  test("cannot reach the prototypes", () => {
    const json =
      '{"__metadata__":{"__proto__":"x","toString":"y"},"__proto__":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}';
    const { metadata, tensors } = parseSafetensors(craft(json, new Uint8Array(4)), "m");
    expect(Object.keys(metadata)).toEqual(["__proto__", "toString"]);
    expect(Object.getPrototypeOf(metadata)).toBeNull();
    expect(tensors.get("__proto__")!.shape).toEqual([]);
    expect(Reflect.get({}, "dtype")).toBeUndefined();
    expect(refusalOfEntry({ dtype: "toString", shape: [2], data_offsets: [0, 8] })).toContain("dtype");
    // What an entry does not have itself, it does not have.
    expect(
      refusal(craft('{"a":{"__proto__":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}}', [0, 0, 0, 0])),
    ).toContain('"a", dtype: expected one of F64, F32, F16, BF16, found nothing');
  });
});

describe("what is refused", () => {
  test("no room for a length", () => {
    for (const size of [0, 1, 7]) {
      expect(refusal(new Uint8Array(size))).toBe(
        `m.safetensors: expected 8 bytes of header length, found ${size}; choose a safetensors file`,
      );
    }
  });

  test("a header longer than the file, than 512 KiB, than any number", () => {
    expect(refusal(craft("{}", [], 3n))).toContain(
      "expected 3 bytes of header, found only 2, a truncated file",
    );
    expect(refusal(craft("{}", [], 2n ** 19n - 8n))).toContain("truncated");
    expect(refusal(craft("{}", [], 2n ** 19n - 7n))).toContain(
      "expected a safetensors file with at most 524280 bytes of header, found another file; choose",
    );
  });

  test("another kind of file is none, whatever number it starts with", () => {
    for (const bytes of [
      new TextEncoder().encode("# Elbow\n\n..."),
      Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10),
    ]) {
      expect(refusal(bytes)).toContain(
        "expected a safetensors file with at most 524280 bytes of header, found another",
      );
    }
  });

  test("a header that is no JSON object", () => {
    const start = 'expected a header of JSON that starts with "{", found';
    expect(refusal(craft(""))).toContain(`${start} an empty one`);
    expect(refusal(craft("[]"))).toContain(`${start} byte 0x5b`);
    expect(refusal(craft(" {}"))).toContain(`${start} byte 0x20`);
    const json = "expected a header of JSON in UTF-8, found";
    expect(refusal(craft("{"))).toContain(`${json} 1 bytes of something else`);
    expect(refusal(craft('{"a\n":'))).toContain(json);
    expect(refusal(craft("{}\u0000\u0000"))).toContain(json);
    const notUtf8 = craft('{"a":1}');
    notUtf8[10] = 0xff;
    expect(refusal(notUtf8)).toContain(json);
  });

  test("the same key twice, however it is spelt", () => {
    const entry = '{"dtype":"F32","shape":[],"data_offsets":[0,4]}';
    const once = "m.safetensors: header: expected each key once, found";
    expect(refusal(craft(`{"a":${entry},"a":${entry}}`, [0, 0, 0, 0]))).toContain(`${once} "a" twice`);
    expect(refusal(craft(`{"a":${entry}, "\\u0061" : ${entry}}`, [0, 0, 0, 0]))).toContain(
      `${once} "a" twice`,
    );
    expect(refusal(craft('{"__metadata__":{"k":"a","k":"b"}}'))).toContain(`${once} "k" twice`);
    expect(refusal(craft('{"a":{"dtype":"F32","dtype":"F16"}}'))).toContain(`${once} "dtype" twice`);
    // The same text as a value, or as a key of two objects, is no repetition.
    const fine =
      '{"__metadata__":{"a":"b","b":"a\\\\\\"a\\":"},"c":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}';
    expect(parseSafetensors(craft(fine, [0, 0, 0, 0]), "m").metadata.b).toBe('a\\"a":');
  });

  test("metadata that is not texts", () => {
    expect(refusal(craft('{"__metadata__":null}'))).toContain(
      "__metadata__: expected an object of strings, found null",
    );
    expect(refusal(craft('{"__metadata__":["a"]}'))).toContain('found ["a"]');
    expect(refusal(craft('{"__metadata__":{"epochs":10}}'))).toContain(
      '__metadata__."epochs": expected a string, found 10',
    );
  });

  test("an entry that is no entry", () => {
    expect(refusal(craft('{"a":5}'))).toContain(
      'tensor "a": expected an object with dtype, shape and data_offsets, found 5',
    );
    expect(refusal(craft('{"a":[]}'))).toContain("found []");
    expect(refusal(craft('{"a":null}'))).toContain("found null");
  });

  test("an unknown dtype", () => {
    for (const dtype of ["I64", "f32", "", 5, null, undefined, ["F32"]]) {
      expect(refusalOfEntry({ dtype, shape: [2], data_offsets: [0, 8] })).toContain(
        'tensor "a", dtype: expected one of F64, F32, F16, BF16, found',
      );
    }
  });

  test("a shape that is none", () => {
    for (const shape of [
      undefined,
      null,
      2,
      "2",
      { length: 1 },
      [-2],
      [0.5, 4],
      ["2"],
      [null],
      [[2]],
      [2 ** 53],
      [true],
    ]) {
      expect(refusalOfEntry({ dtype: "F32", shape, data_offsets: [0, 8] })).toContain(
        'tensor "a", shape: expected a list of whole numbers, 0 or more, found',
      );
    }
  });

  test("a size beyond all numbers", () => {
    const absurd = [[2 ** 52, 2 ** 52], [2 ** 30, 2 ** 30, 0], [2 ** 51 + 1, 2], new Array(100_000).fill(2)];
    for (const shape of absurd) {
      expect(refusalOfEntry({ dtype: "F32", shape, data_offsets: [0, 8] })).toContain(
        'tensor "a", shape: expected a size that a file can have, found',
      );
    }
  });

  test("absurd sizes are refused before anything is allocated for them", () => {
    const shape = [2 ** 40];
    expect(refusalOfEntry({ dtype: "F32", shape, data_offsets: [0, 2 ** 42] })).toContain(
      'tensor "a": expected data up to byte 4398046511104, found only 8 bytes, a truncated file',
    );
  });

  test("offsets that are none, or do not fit the shape", () => {
    for (const offsets of [undefined, null, 8, [0], [0, 4, 8], [8, 0], [-8, 0], [0, 8.5], ["0", "8"]]) {
      expect(refusalOfEntry({ dtype: "F32", shape: [2], data_offsets: offsets })).toContain(
        'tensor "a", data_offsets: expected [begin, end], whole numbers with begin ≤ end, found',
      );
    }
    for (const offsets of [
      [0, 4],
      [4, 8],
      [0, 12],
      [8, 8],
    ]) {
      expect(refusalOfEntry({ dtype: "F32", shape: [2], data_offsets: offsets })).toContain(
        'tensor "a", data_offsets: expected 8 bytes apart (F32 [2]), found',
      );
    }
  });

  test("overlaps, holes, and data of nobody", () => {
    const entry = (begin: number, end: number) => ({
      dtype: "F32",
      shape: [(end - begin) / 4],
      data_offsets: [begin, end],
    });
    const file = (a: readonly number[], b: readonly number[], size: number) =>
      craft({ a: entry(a[0]!, a[1]!), b: entry(b[0]!, b[1]!) }, new Uint8Array(size));
    expect(refusal(file([0, 8], [4, 12], 12))).toContain(
      '"b": expected data from byte 8, found from 4, which overlaps another tensor',
    );
    expect(refusal(file([0, 8], [0, 8], 8))).toContain("overlaps");
    expect(refusal(file([0, 8], [12, 16], 16))).toContain(
      '"b": expected data from byte 8, found from 12, which leaves a hole before it',
    );
    expect(refusal(file([4, 8], [8, 12], 12))).toContain('"a": expected data from byte 0, found from 4');
    expect(refusal(file([0, 4], [4, 8], 12))).toContain(
      "expected 8 bytes of data, as its tensors have, found 12",
    );
    expect(refusal(craft("{}", [0]))).toContain("expected 0 bytes of data, as its tensors have, found 1");
    // An empty tensor has a place, too.
    expect(refusal(file([0, 8], [4, 4], 8))).toContain("overlaps");
  });

  test("every truncation of a good file", () => {
    const good = serializeSafetensors([weight, bias], { format: "pt" });
    for (let size = 0; size < good.length; size++) refusal(good.subarray(0, size));
  });

  test("deep nesting and hostile names make one short, printable line", () => {
    const depth = 200_000;
    const nested = `${"[".repeat(depth)}${"]".repeat(depth)}`;
    expect(refusal(craft(`{"a":${nested}}`)).length).toBeLessThan(200);
    expect(refusal(craft(`{"a":{"dtype":${nested}}}`)).length).toBeLessThan(200);
    const name = `\u001b[31m\n\r\u009b\u2028"\\${"x".repeat(1000)}`;
    const message = refusal(craft({ [name]: 5 }));
    expect(message.length).toBeLessThan(300);
    expect(message).toContain(String.raw`"\u{1b}[31m\u{a}\u{d}\u{9b}\u{2028}\"\\xxx`);
  });
});

test("any damage to a file is read or refused, and never anything else", () => {
  const random = lcg(1);
  const below = (limit: number) => Math.floor((random() / 2 ** 32) * limit);
  const good = serializeSafetensors([weight, bias], { format: "pt", config: "{}" });
  const alphabet = new TextEncoder().encode('{}[]",:\\0123456789-.eEF\u0000\n ');
  let read = 0;
  for (let round = 0; round < 6000; round++) {
    let bytes = new Uint8Array(good);
    for (let change = below(3); change >= 0; change--) {
      const at = below(bytes.length);
      const kind = below(5);
      if (kind === 0) bytes[at]! ^= 1 << below(8);
      else if (kind === 1) bytes[at] = alphabet[below(alphabet.length)]!;
      else if (kind === 2) bytes = bytes.slice(0, at + 1);
      else if (kind === 3) bytes.copyWithin(at, below(bytes.length), below(bytes.length));
      else bytes = new Uint8Array([...bytes.subarray(0, at), below(256), ...bytes.subarray(at)]);
    }
    try {
      const { tensors } = parseSafetensors(bytes, "m.safetensors");
      for (const { shape, data } of tensors.values())
        expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
      read++;
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      expect(error.message).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
    }
  }
  // Damage to the numbers themselves cannot be seen; both ways must have been taken.
  expect(read).toBeGreaterThan(500);
  expect(read).toBeLessThan(5500);
});

describe("expectTensors", () => {
  const headerOf = (bytes: Uint8Array) => parseSafetensorsHeader({ bytes, size: bytes.length }, "m");
  const file = headerOf(serializeSafetensors([weight, bias]));
  const check = (...table: [string, number[]][]) => expectTensors(file, table, "m.safetensors");

  test("gives the entries in the table's order", () => {
    const names = check(["fc1.bias", [2]], ["fc1.weight", [2, 3]]).map(({ name }) => name);
    expect(names).toEqual(["fc1.bias", "fc1.weight"]);
  });

  test("names what is missing, misshapen or too much", () => {
    expect(() => check(["fc1.bias", [2]], ["fc4.bias", [784]])).toThrow(
      new FormatError({
        setting: 'm.safetensors: tensor "fc4.bias"',
        expected: "shape [784]",
        found: 'no such tensor (the file has "fc1.weight", "fc1.bias")',
      }),
    );
    expect(() => check(["fc1.weight", [3, 2]], ["fc1.bias", [2]])).toThrow(
      new FormatError({
        setting: 'm.safetensors: tensor "fc1.weight"',
        expected: "shape [3, 2]",
        found: "[2, 3]",
      }),
    );
    expect(() => check(["fc1.weight", [2]], ["fc1.bias", [2]])).toThrow(FormatError);
    expect(() => check(["fc1.bias", [2]])).toThrow(
      new FormatError({
        setting: 'm.safetensors: tensor "fc1.weight"',
        expected: "only the model's 1 tensors",
        found: "2 with this one of shape [2, 3]",
      }),
    );
  });

  test("keeps a list of many names short", () => {
    const many = Array.from({ length: 1000 }, (_, i) => ({
      name: `t${i}`,
      shape: [0],
      data: new Float32Array(0),
    }));
    const crowded = headerOf(serializeSafetensors(many));
    expect(() => expectTensors(crowded, [["a", []]], "m")).toThrow(
      /, found no such tensor \(the file has "t0", .*"t5" and 994 more\)$/,
    );
    const empty = headerOf(serializeSafetensors([]));
    expect(() => expectTensors(empty, [["a", []]], "m")).toThrow(
      "found no such tensor (the file has no tensors)",
    );
  });
});
