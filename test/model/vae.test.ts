import { describe, expect, test } from "vitest";
import {
  ConfigError,
  DivergedError,
  KernelError,
  MemoryLimitError,
  Vae,
  type VaeConfig,
} from "../../src/node.ts";
import { normals } from "../../src/random/normal.ts";
import { PURPOSE } from "../../src/random/purpose.ts";
import { findBuild, supportedArithmetic } from "../../src/wasm/builds.ts";
import { compileNode } from "../../src/wasm/compile-node.ts";
import { TILES, type TileName } from "../../src/wasm/tiles.ts";
import { sigmoidForward } from "../reference/activation.ts";
import type { Numbers } from "../reference/matmul.ts";
import { trainingState, vaeForward } from "../reference/vae.ts";
import { bitsOf, float32 } from "../support/kernel-memory.ts";
import { uniforms } from "../support/uniforms.ts";

const exact = { rtol: 0, atol: 0 };
const close = { rtol: 2e-6, atol: 2e-6 };

/** Around nothing, one, and the chunks of 64 rows that a model works on. */
const COUNTS = [0, 1, 63, 64, 65, 130] as const;

const bernoulli: VaeConfig = {
  inputDim: 37,
  inputShape: [37],
  hidden: [21],
  latentDim: 3,
  activation: "relu",
  likelihood: "bernoulli",
  seed: 4,
};
const gaussian: VaeConfig = {
  inputDim: 18,
  inputShape: [18],
  hidden: [17, 9],
  latentDim: 17,
  activation: "tanh",
  likelihood: "gaussian",
  seed: 2 ** 40,
};

function rowsOf({ inputDim }: VaeConfig, count: number): Float32Array {
  return float32(uniforms(count + 1, count * inputDim, 0, 1));
}

/** The noise of `losses` and `score`: that of evaluation, by row. */
function evaluationNoise({ seed, latentDim }: VaeConfig, count: number, draw = 0): Float64Array {
  const eps = new Float64Array(count * latentDim);
  for (let row = 0; row < count; row++) {
    normals(seed, PURPOSE.evaluation, draw, row, eps.subarray(row * latentDim, (row + 1) * latentDim));
  }
  return eps;
}

function twinOf(vae: Vae, x: Numbers, count: number, { seed = vae.config.seed, draw = 0 } = {}) {
  const named = new Map(vae.tensors().map(({ name, data }) => [name, data]));
  const { parameters } = trainingState(vae.config, named);
  return vaeForward(vae.config, parameters, x, evaluationNoise({ ...vae.config, seed }, count, draw), count);
}

describe.each(supportedArithmetic())("%s", (arithmetic) => {
  describe.each([
    { likelihood: "bernoulli", config: bernoulli },
    { likelihood: "gaussian", config: gaussian },
  ])("$likelihood", async ({ config }) => {
    const vae = await Vae.create(config, { arithmetic });
    const { inputDim, latentDim } = config;

    test.each(COUNTS)("%i rows, all results against the float64 twin", (count) => {
      const x = rowsOf(config, count);
      const twin = twinOf(vae, x, count);
      const { mu, logvar } = vae.encode(x);
      expect(mu).toBeAllClose(twin.mu, { ...close, shape: [count, latentDim] });
      expect(logvar).toBeAllClose(twin.logvar, { ...close, shape: [count, latentDim] });
      const { reconstruction, kl } = vae.losses(x);
      expect(reconstruction).toBeAllClose(twin.reconstruction, close);
      expect(kl).toBeAllClose(twin.kl, close);
      const mean = config.likelihood === "bernoulli" ? sigmoidForward(twin.output) : twin.output;
      const decoded = vae.decode(float32(twin.z));
      expect(decoded).toBeAllClose(mean, { ...close, shape: [count, inputDim] });
    });

    test("a score is the negative ELBO, the mean over the draws, against the float64 twin", () => {
      const count = 70;
      const x = rowsOf(config, count);
      for (const seed of [config.seed, 77, 2 ** 35]) {
        const twins = [0, 1, 2].map((draw) => twinOf(vae, x, count, { seed, draw }));
        const expected = Array.from({ length: count }, (_, row) => {
          const reconstruction = twins.reduce((sum, twin) => sum + twin.reconstruction[row]!, 0) / 3;
          return reconstruction + twins[0]!.kl[row]!;
        });
        expect(vae.score(x, { samples: 3, seed })).toBeAllClose(expected, close);
      }
    });

    test("one draw with the model's seed is the sum of the losses, bit for bit", () => {
      const x = rowsOf(config, 130);
      const { reconstruction, kl } = vae.losses(x);
      const sums = reconstruction.map((loss, row) => loss + kl[row]!);
      expect(vae.score(x)).toEqual(sums);
      vae.score(x, { samples: 2, seed: 12 });
      expect(vae.score(x, { samples: 1, seed: config.seed })).toEqual(sums);
    });

    test("scores of fewer rows are the first of more", () => {
      const x = rowsOf(config, 130);
      const options = { samples: 2, seed: 9 };
      const all = vae.score(x, options);
      for (const count of COUNTS) {
        expect(vae.score(x.slice(0, count * inputDim), options)).toEqual(all.slice(0, count));
      }
    });

    test("a row's results do not depend on the rows beside it", () => {
      const count = 130;
      const x = rowsOf(config, count);
      const { mu, logvar } = vae.encode(x);
      const means = vae.reconstruct(x);
      const { kl } = vae.losses(x);
      for (const row of [0, 1, 15, 16, 63, 64, 127, 129]) {
        const alone = x.slice(row * inputDim, (row + 1) * inputDim);
        const part = (of: Float32Array, width: number) => bitsOf(of.slice(row * width, (row + 1) * width));
        const single = vae.encode(alone);
        expect(part(mu, latentDim)).toBeAllClose(bitsOf(single.mu), exact);
        expect(part(logvar, latentDim)).toBeAllClose(bitsOf(single.logvar), exact);
        expect(part(means, inputDim)).toBeAllClose(bitsOf(vae.reconstruct(alone)), exact);
        expect(vae.losses(alone).kl[0]).toBe(kl[row]);
      }
      // the noise goes by position, so a run of rows from the first on has the same losses
      const some = vae.losses(x.slice(0, 70 * inputDim));
      const { reconstruction } = vae.losses(x);
      expect(some.reconstruction).toBeAllClose(reconstruction.slice(0, 70), exact);
    });

    test("reconstruct is decode of encode's mu, sample is decode of prior", () => {
      const x = rowsOf(config, 65);
      expect(vae.reconstruct(x)).toBeAllClose(vae.decode(vae.encode(x).mu), exact);
      expect(vae.sample(65, { seed: 3 })).toBeAllClose(vae.decode(vae.prior(65, { seed: 3 })), exact);
    });

    test("bytes are value / 255, bit for bit", () => {
      const bytes = Uint8Array.from({ length: 66 * inputDim }, (_, i) => (i * 101) % 256);
      const floats = Float32Array.from(bytes, (value) => value / 255);
      const [ofBytes, ofFloats] = [bytes, floats].map((rows) => {
        const { mu, logvar } = vae.encode(rows);
        const { reconstruction, kl } = vae.losses(rows);
        const numbers = float32([...mu, ...logvar, ...vae.reconstruct(rows)]);
        return [...bitsOf(numbers), ...bitsOf(Float64Array.of(...reconstruction, ...kl))];
      });
      expect(ofBytes).toBeAllClose(ofFloats, exact);
    });

    test("prior is the standard normals of the seed, row by row", () => {
      for (const seed of [0, 7, 2 ** 33 + 1]) {
        const z = vae.prior(65, { seed });
        const expected = new Float64Array(65 * latentDim);
        for (let row = 0; row < 65; row++) {
          normals(seed, PURPOSE.sample, 0, row, expected.subarray(row * latentDim, (row + 1) * latentDim));
        }
        expect(z).toBeAllClose(expected, { rtol: 0, atol: 5e-7, shape: [65, latentDim] });
      }
    });
  });
});

describe("samples", async () => {
  const vae = await Vae.create(bernoulli);

  test("are a function of the seed, whatever came before", () => {
    const first = vae.sample(5, { seed: 1 });
    vae.losses(rowsOf(bernoulli, 70));
    expect(vae.sample(5, { seed: 1 })).toEqual(first);
    expect(vae.sample(5, { seed: 2 })).not.toEqual(first);
    expect(vae.sample(5)).toEqual(vae.sample(5, { seed: bernoulli.seed }));
  });

  test("that are fewer are the first of more", () => {
    const many = vae.sample(130, { seed: 1 });
    for (const count of [1, 63, 64, 65]) {
      expect(vae.sample(count, { seed: 1 })).toEqual(many.slice(0, count * bernoulli.inputDim));
    }
  });

  test("lie in [0, 1]", () => {
    expect(vae.sample(64).every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 24 + 1])("cannot be %s", (count) => {
    expect(() => vae.sample(count)).toThrow(ConfigError);
    expect(() => vae.sample(count)).toThrow(
      `the number of samples: expected a whole number from 1 to 16777216, found ${count}`,
    );
  });

  test.each([-1, 0.5, 2 ** 53])("have no seed %s", (seed) => {
    expect(() => vae.sample(1, { seed })).toThrow(ConfigError);
  });
});

test("scores without a draw or with a wrong seed are refused", async () => {
  const vae = await Vae.create(bernoulli);
  const x = rowsOf(bernoulli, 1);
  for (const samples of [0, 1.5, 65537, Number.NaN]) {
    expect(() => vae.score(x, { samples })).toThrow(ConfigError);
    expect(() => vae.score(x, { samples })).toThrow(
      "samples: expected a whole number from 1 to 65536, found ",
    );
  }
  expect(() => vae.score(x, { seed: -1 })).toThrow(ConfigError);
  expect(() => vae.score(new Float32Array(36))).toThrow(
    "rows: expected 37 numbers each, found 36 numbers in all",
  );
});

describe("results", async () => {
  const vae = await Vae.create(bernoulli);

  test("are copies that stay the caller's", () => {
    const x = rowsOf(bernoulli, 3);
    const { mu } = vae.encode(x);
    const kept = mu.slice();
    vae.encode(rowsOf(bernoulli, 64));
    expect(mu).toEqual(kept);
    const tensors = vae.tensors();
    tensors[0].data.fill(9);
    expect(vae.encode(x).mu).toEqual(kept);
  });

  test("rows of the wrong length are refused with both numbers", () => {
    for (const wrong of [new Float32Array(36), new Float32Array(38), new Uint8Array(1)]) {
      for (const call of [() => vae.encode(wrong), () => vae.losses(wrong), () => vae.reconstruct(wrong)]) {
        expect(call).toThrow(ConfigError);
        expect(call).toThrow(`rows: expected 37 numbers each, found ${wrong.length} numbers in all`);
      }
    }
    expect(() => vae.decode(new Float32Array(4))).toThrow(
      "latent rows: expected 3 numbers each, found 4 numbers in all",
    );
  });

  const calls = (model: Vae, x: Float32Array) => [
    () => model.losses(x),
    () => model.score(x, { samples: 2 }),
    () => model.encode(x),
    () => model.reconstruct(x),
  ];

  test.each([Number.NaN, 1.0001, -1e-30, Number.NEGATIVE_INFINITY])(
    "a row with %s is refused, as in training",
    (value) => {
      const x = rowsOf(bernoulli, 70);
      x[66 * bernoulli.inputDim + 5] = value;
      for (const call of calls(vae, x)) {
        expect(call).toThrow(ConfigError);
        const found = Math.fround(value);
        expect(call).toThrow(`row 66: expected numbers from 0 to 1 (bernoulli likelihood), found ${found}`);
      }
      x[66 * bernoulli.inputDim + 5] = 1;
      for (const call of calls(vae, x)) expect(call).not.toThrow();
    },
  );

  test("a Gaussian model refuses what is no finite number, and nothing else", async () => {
    const wide = await Vae.create({ ...bernoulli, likelihood: "gaussian" });
    const x = rowsOf(bernoulli, 3).fill(-3, 0, 37);
    expect(wide.losses(x).kl.every(Number.isFinite)).toBe(true);
    x[2 * bernoulli.inputDim] = Number.POSITIVE_INFINITY;
    for (const call of calls(wide, x)) {
      expect(call).toThrow("row 2: expected finite numbers (gaussian likelihood), found Infinity");
    }
  });

  test("that are not finite are no results, but an error that names the row", async () => {
    const wide = await Vae.create({ ...bernoulli, likelihood: "gaussian" });
    const x = rowsOf(bernoulli, 70).fill(3e38, 66 * bernoulli.inputDim, 67 * bernoulli.inputDim);
    for (const call of calls(wide, x)) {
      expect(call).toThrow(DivergedError);
      expect(call).toThrow(
        /^the (reconstruction loss|latent mean|latent log variance) of row 66: expected a finite number, found (NaN|-?Infinity); scale the data, or use weights from before the loss diverged$/,
      );
    }
  });
});

describe("weights", async () => {
  const [one, other] = [await Vae.create(bernoulli), await Vae.create({ ...bernoulli, seed: 99 })];
  const asMap = (vae: Vae) => new Map(vae.tensors().map((tensor) => [tensor.name, tensor]));

  test("taken over make the same model", () => {
    other.setTensors(asMap(one));
    expect(other.tensors()).toEqual(one.tensors());
    const x = rowsOf(bernoulli, 20);
    expect(other.encode(x)).toEqual(one.encode(x));
    const buffer = new Float32Array(one.table.bytes / 4);
    one.copyParameters(buffer);
    other.setParameters(buffer);
    expect(other.tensors()).toEqual(one.tensors());
  });

  test("that are missing or of another size are refused, and nothing is changed", () => {
    const before = other.tensors();
    const missing = asMap(one);
    missing.delete("fc3.bias");
    expect(() => other.setTensors(missing)).toThrow(ConfigError);
    expect(() => other.setTensors(missing)).toThrow("fc3.bias: expected 21 numbers [21], found none");
    const short = asMap(one);
    short.set("fc4.weight", { name: "fc4.weight", shape: [1], data: new Float32Array(1) });
    expect(() => other.setTensors(short)).toThrow("fc4.weight: expected 777 numbers [37, 21], found 1");
    expect(other.tensors()).toEqual(before);
  });
});

describe("a model", () => {
  test.each(supportedArithmetic())(
    "from a compiled module is the one that Node makes, %s",
    async (arithmetic) => {
      const module = await compileNode(findBuild(arithmetic, false));
      const created = await Vae.create(bernoulli, { arithmetic });
      const x = rowsOf(bernoulli, 65);
      for (const tile of Object.keys(TILES) as TileName[]) {
        const vae = Vae.fromModule(bernoulli, module, { tile });
        expect(vae.arithmetic).toBe(arithmetic);
        expect(vae.tensors()).toEqual(created.tensors());
        expect(vae.encode(x)).toEqual(created.encode(x));
        expect(vae.losses(x)).toEqual(created.losses(x));
        expect(vae.sample(3)).toEqual(created.sample(3));
      }
    },
  );

  test("is not made from a module that is something else", async () => {
    const shared = await compileNode(findBuild("simd", true));
    expect(() => Vae.fromModule(bernoulli, shared)).toThrow(KernelError);
    expect(() => Vae.fromModule(bernoulli, shared)).toThrow(/expected a kernel build that owns its memory/);
    const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    expect(() => Vae.fromModule(bernoulli, empty)).toThrow(KernelError);
  });

  test("that cannot fit says how much it needs", async () => {
    const huge = Vae.create({ inputDim: 2 ** 20, hidden: [2 ** 20] });
    await expect(huge).rejects.toThrow(MemoryLimitError);
    await expect(Vae.create({ inputDim: 2 ** 20, hidden: [2 ** 20] })).rejects.toThrow(
      /^memory: expected at most 4,096 MiB \(the limit of WebAssembly\), found a need of [\d,]+ MiB \([\d,]+ MiB of it for parameters\); use fewer or smaller layers, a smaller batch or fewer rows$/,
    );
  });

  test("with a bad setting is refused before anything else", async () => {
    await expect(Vae.create({ inputDim: 0 })).rejects.toThrow(ConfigError);
    await expect(Vae.create({ inputDim: 4, latentDim: -1 })).rejects.toThrow(
      /^latentDim: expected .*, found -1$/,
    );
  });
});
