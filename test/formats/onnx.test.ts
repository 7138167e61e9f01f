import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/errors.ts";
import { serializeOnnx } from "../../src/formats/onnx.ts";
import { checkConfig } from "../../src/model/config.ts";
import { type PartialVaeConfig, Vae, type VaeConfig } from "../../src/node.ts";
import { type Model, readModel } from "../codecs/onnx-reader.ts";
import { matmulForward, type Numbers, transpose } from "../reference/matmul.ts";
import { uniforms } from "../support/uniforms.ts";

const FLOAT = 1;

/** The rules of onnx.checker.check_model, and of ONNX's IR specification, for graphs without subgraphs. */
function checkModel({ ir_version, opset_import, graph }: Model): void {
  expect(ir_version).toBe(8);
  expect(opset_import.map(({ domain = "", version }) => [domain, version])).toEqual([["", 17]]);
  expect(graph.name).toMatch(/./);

  const known = new Set<string>();
  const define = (name: string): void => {
    expect(name).toMatch(/./);
    expect(known, `${name} is made twice`).not.toContain(name);
    known.add(name);
  };
  for (const { name, dims, data_type, raw_data } of graph.initializer) {
    define(name);
    expect(data_type).toBe(FLOAT);
    expect(raw_data.length, name).toBe(4 * dims.reduce((product, size) => product * size, 1));
  }
  for (const { name } of graph.input) define(name);
  const read = new Set<string>();
  for (const { input, output, op_type, domain = "", attribute } of graph.node) {
    expect(["Gemm", "Relu", "Tanh", "Sigmoid"]).toContain(op_type);
    expect(domain).toBe("");
    for (const name of input) {
      expect(known, `${name} is read before it is made`).toContain(name);
      read.add(name);
    }
    for (const name of output) define(name);
    expect(attribute.map(({ name, type, i }) => [name, type, i])).toEqual(
      op_type === "Gemm" ? [["transB", "INT", 1]] : [],
    );
  }
  const names = graph.node.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name } of graph.output) expect(known).toContain(name);
  for (const { name } of [...graph.initializer, ...graph.input])
    expect(read, `${name} is idle`).toContain(name);
  for (const { type } of [...graph.input, ...graph.output]) {
    expect(type.tensor_type.elem_type).toBe(FLOAT);
    expect(type.tensor_type.shape.dim).toHaveLength(2);
  }
}

/** Runs a graph in float64, by the operators' definitions (https://onnx.ai/onnx/operators). */
function evaluate({ graph }: Model, rows: Numbers, count: number): Map<string, Float64Array> {
  const values = new Map<string, Numbers>([[graph.input[0]!.name, rows]]);
  const shapes = new Map<string, readonly number[]>();
  for (const { name, dims, raw_data } of graph.initializer) {
    const { buffer } = new Uint8Array(raw_data);
    values.set(name, Float64Array.from(new Float32Array(buffer)));
    shapes.set(name, dims);
  }
  const pointwise: Record<string, (x: number) => number> = {
    Relu: (x) => Math.max(0, x),
    Tanh: Math.tanh,
    Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  };
  for (const { op_type, input, output } of graph.node) {
    const [a, b, c] = input.map((name) => values.get(name)!);
    if (op_type === "Gemm") {
      const [n, k] = shapes.get(input[1]!) as [number, number];
      values.set(output[0]!, matmulForward(a!, transpose(b!, n, k), c!, count, k, n));
    } else values.set(output[0]!, Float64Array.from(a!, pointwise[op_type]!));
  }
  return new Map(graph.output.map(({ name }) => [name, Float64Array.from(values.get(name)!)]));
}

const CONFIGS = (
  [
    { inputDim: 37, hidden: [21], latentDim: 3, activation: "relu", likelihood: "bernoulli", seed: 1 },
    { inputDim: 18, hidden: [17, 9], latentDim: 17, activation: "tanh", likelihood: "gaussian", seed: 2 },
    { inputDim: 5, hidden: [16, 8, 4], latentDim: 1, activation: "relu", likelihood: "gaussian", seed: 3 },
    { inputDim: 64, hidden: [30], latentDim: 2, activation: "tanh", likelihood: "bernoulli", seed: 4 },
  ] satisfies PartialVaeConfig[]
).map((config) => checkConfig(config));

const COUNT = 67;
const near = { rtol: 0, atol: 1e-5 };

describe.each(CONFIGS)("$inputDim-$hidden-$latentDim, $activation, $likelihood", async (config) => {
  const vae = await Vae.create(config);
  const { inputDim, latentDim } = config;
  const files = serializeOnnx(vae);
  const [encoder, decoder, whole] = [files.encoder, files.decoder, files.reconstruction].map((bytes) =>
    readModel(bytes),
  ) as [Model, Model, Model];
  const x = Float32Array.from(uniforms(9, COUNT * inputDim, 0, 1));

  test("keep ONNX's rules", () => [encoder, decoder, whole].forEach(checkModel));

  test("say what goes in and what comes out", () => {
    const signature = ({ graph }: Model) =>
      [graph.input, graph.output].map((values) =>
        values.map(({ name, type }) => {
          const [rows, width] = type.tensor_type.shape.dim;
          return [name, rows!.dim_param, width!.dim_value];
        }),
      );
    const [row, code] = [inputDim, latentDim];
    expect(signature(encoder)).toEqual([
      [["x", "batch", row]],
      [
        ["mu", "batch", code],
        ["logvar", "batch", code],
      ],
    ]);
    expect(signature(decoder)).toEqual([[["z", "batch", code]], [["mean", "batch", row]]]);
    expect(signature(whole)).toEqual([[["x", "batch", row]], [["reconstruction", "batch", row]]]);
  });

  test("hold the weights under PyTorch's names, bit for bit", () => {
    const held = new Map(
      [encoder, decoder].flatMap(({ graph }) => graph.initializer.map((one) => [one.name, one] as const)),
    );
    expect(held.size).toBe(vae.tensors().length);
    for (const { name, shape, data } of vae.tensors()) {
      expect(held.get(name)?.dims, name).toEqual(shape);
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      expect(Buffer.compare(held.get(name)!.raw_data, bytes), name).toBe(0);
    }
  });

  test("compute what the model computes", () => {
    const { mu, logvar } = vae.encode(x);
    const codes = evaluate(encoder, x, COUNT);
    expect(codes.get("mu")).toBeAllClose(mu, near);
    expect(codes.get("logvar")).toBeAllClose(logvar, near);
    const z = vae.prior(COUNT, { seed: 11 });
    expect(evaluate(decoder, z, COUNT).get("mean")).toBeAllClose(vae.decode(z), near);
    expect(evaluate(whole, x, COUNT).get("reconstruction")).toBeAllClose(vae.reconstruct(x), near);
  });
});

test("say where they come from", async () => {
  const config = { ...CONFIGS[0]!, inputShape: [37, 1, 1] };
  const vae = await Vae.create(config);
  const info = { elbow: "1.2.3", dataset: { name: "a", sha256: "b" } };
  for (const bytes of Object.values(serializeOnnx(vae, info))) {
    const { producer_name, producer_version, metadata_props } = readModel(bytes);
    expect([producer_name, producer_version]).toEqual(["elbow-vae", "1.2.3"]);
    const known = new Map(metadata_props.map(({ key, value }) => [key, value]));
    expect(JSON.parse(known.get("config")!)).toEqual(config);
    expect(known.get("dataset")).toBe("a");
    expect(known.get("imageShape")).toBe("[37,1]");
  }
  expect(readModel(serializeOnnx(vae).encoder).producer_version).toBeUndefined();
});

test("are the same bytes for the same model", async () => {
  const [one, other] = [await Vae.create(CONFIGS[1]!), await Vae.create(CONFIGS[1]!)];
  expect(serializeOnnx(one)).toEqual(serializeOnnx(other));
});

test("that would be larger than the format allows are refused before anything is made", () => {
  const config: VaeConfig = { ...CONFIGS[0]!, inputDim: 2 ** 20, hidden: [512] };
  const model = { config, tensors: () => expect.unreachable() };
  expect(() => serializeOnnx(model)).toThrow(ConfigError);
  expect(() => serializeOnnx(model)).toThrow(/expected at most 2146435072 bytes, found 4299184152;/);
});
