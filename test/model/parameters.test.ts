import { describe, expect, test } from "vitest";
import { checkConfig, type VaeConfig } from "../../src/model/config.ts";
import { packTensors, parameterCount, parameterTable, unpackTensors } from "../../src/model/parameters.ts";
import { Vae } from "../../src/node.ts";
import { PURPOSE } from "../../src/random/purpose.ts";
import { uniforms } from "../../src/random/uniform.ts";
import { ROW_BYTES } from "../../src/wasm/layout.ts";
import { panelsOf } from "../../src/wasm/matrix.ts";

const exact = { rtol: 0, atol: 0 };

const configs: readonly VaeConfig[] = [
  checkConfig({ inputDim: 784, hidden: [400], latentDim: 2 }),
  checkConfig({ inputDim: 20, hidden: [17, 5], latentDim: 3, seed: 9 }),
  checkConfig({ inputDim: 33, hidden: [16, 8, 31], latentDim: 17, seed: Number.MAX_SAFE_INTEGER }),
  checkConfig({ inputDim: 1, hidden: [1], latentDim: 1 }),
];
const named = configs.map((config) => ({
  name: `${config.inputDim}–${config.hidden}–${config.latentDim}`,
  config,
}));

function whole(config: VaeConfig): Float32Array {
  return new Float32Array(parameterTable(config).bytes / 4);
}

describe("the table", () => {
  test("of one hidden layer has the original program's names and shapes", () => {
    expect(parameterTable(configs[0]).tensors).toEqual([
      ["fc1.weight", [400, 784]],
      ["fc1.bias", [400]],
      ["fc_mu.weight", [2, 400]],
      ["fc_mu.bias", [2]],
      ["fc_logvar.weight", [2, 400]],
      ["fc_logvar.bias", [2]],
      ["fc3.weight", [400, 2]],
      ["fc3.bias", [400]],
      ["fc4.weight", [784, 400]],
      ["fc4.bias", [784]],
    ]);
    expect(parameterCount(parameterTable(configs[0]))).toBe(785 * 400 + 2 * 401 * 2 + 3 * 400 + 401 * 784);
  });

  test("of deeper models numbers the layers of each side", () => {
    expect(parameterTable(configs[1]).tensors).toEqual([
      ["encoder.0.weight", [17, 20]],
      ["encoder.0.bias", [17]],
      ["encoder.1.weight", [5, 17]],
      ["encoder.1.bias", [5]],
      ["fc_mu.weight", [3, 5]],
      ["fc_mu.bias", [3]],
      ["fc_logvar.weight", [3, 5]],
      ["fc_logvar.bias", [3]],
      ["decoder.0.weight", [5, 3]],
      ["decoder.0.bias", [5]],
      ["decoder.1.weight", [17, 5]],
      ["decoder.1.bias", [17]],
      ["decoder.2.weight", [20, 17]],
      ["decoder.2.bias", [20]],
    ]);
  });

  test.each(named)("of $name: layers one after another on cache lines, nothing between", ({ config }) => {
    const { places, bytes } = parameterTable(config);
    let end = 0;
    for (const { layer, offset } of places) {
      expect(offset).toBe(end);
      expect(offset % ROW_BYTES).toBe(0);
      const [k] = layer.input.shape;
      for (const { outputs } of layer.modules) end += panelsOf(outputs) * (k + 1) * ROW_BYTES;
    }
    expect(bytes).toBe(end);
  });
});

describe.each(named)("tensors of $name", ({ config }) => {
  const table = parameterTable(config);
  const counted = new Map(
    table.tensors.map(([name, shape], t) => {
      const count = shape.reduce((product, size) => product * size, 1);
      return [name, { data: Float32Array.from({ length: count }, (_, i) => (t + 1) * 1e6 + i) }];
    }),
  );

  test("into the kernels' layout and back", () => {
    const buffer = whole(config);
    packTensors(table, counted, buffer);
    const back = unpackTensors(table, buffer);
    expect(back.map(({ name, shape }) => [name, shape])).toEqual(table.tensors);
    for (const { name, data } of back) expect(data).toBeAllClose(counted.get(name)!.data, exact);
  });

  test("fill no more of the layout than there are numbers", () => {
    const buffer = whole(config);
    packTensors(table, counted, buffer);
    expect(buffer.filter((value) => value !== 0)).toHaveLength(parameterCount(table));
  });
});

describe.each(named)("initial weights of $name", ({ config }) => {
  test("are the uniforms of the seed: layer, input, output", async () => {
    const vae = await Vae.create(config);
    const tensors = new Map(vae.tensors().map(({ name, data }) => [name, data]));
    const modules = parameterTable(config).places.flatMap(({ layer: { input, modules } }) =>
      modules.map(({ name, outputs }) => ({ name, k: input.shape[0], n: outputs })),
    );
    for (const [index, { name, k, n }] of modules.entries()) {
      const bound = 1 / Math.sqrt(k);
      const expected = new Float64Array(n * k);
      const biases = new Float64Array(n);
      for (let i = 0; i <= k; i++) {
        const row = uniforms(config.seed, PURPOSE.init, index, i, new Float64Array(n));
        for (let j = 0; j < n; j++) {
          const value = (2 * row[j] - 1) * bound;
          if (i < k) expected[j * k + i] = value;
          else biases[j] = value;
        }
      }
      const close = { rtol: 0, atol: bound * 2 ** -22 };
      expect(tensors.get(`${name}.weight`), name).toBeAllClose(expected, { ...close, shape: [n, k] });
      expect(tensors.get(`${name}.bias`), name).toBeAllClose(biases, close);
    }
  });

  test("leave zero what pads the panels", async () => {
    const vae = await Vae.create(config);
    const [buffer, copy] = [whole(config), whole(config)];
    vae.copyParameters(buffer);
    packTensors(vae.table, new Map(vae.tensors().map((tensor) => [tensor.name, tensor])), copy);
    expect(buffer).toBeAllClose(copy, exact);
  });
});

describe("initial weights", () => {
  test("are uniform in ±1/√fan_in: bounds, mean and variance", async () => {
    const vae = await Vae.create({ inputDim: 784, hidden: [400], latentDim: 2, seed: 3 });
    for (const { name, shape, data } of vae.tensors()) {
      if (!name.endsWith("weight") || data.length < 10_000) continue;
      const bound = 1 / Math.sqrt(shape[1]);
      const scaled = Float64Array.from(data, (value) => value / bound);
      const moment = (power: number): number =>
        scaled.reduce((sum, value) => sum + value ** power, 0) / scaled.length;
      expect(Math.max(...scaled.slice(0, 50_000).map(Math.abs))).toBeLessThanOrEqual(1 + 1e-6);
      // six standard errors: the variances of x and x² are 1/3 and 4/45
      const sixSigma = 6 / Math.sqrt(data.length);
      expect(Math.abs(moment(1))).toBeLessThan(sixSigma * Math.sqrt(1 / 3));
      expect(Math.abs(moment(2) - 1 / 3)).toBeLessThan(sixSigma * Math.sqrt(4 / 45));
    }
  });

  test("are a function of the seed", async () => {
    const create = async (seed: number) => (await Vae.create({ inputDim: 30, hidden: [9], seed })).tensors();
    expect(await create(1)).toEqual(await create(1));
    expect(await create(1)).not.toEqual(await create(2));
    expect(await create(1)).not.toEqual(await create(1 + 2 ** 32));
  });
});
