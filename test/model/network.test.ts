import { describe, expect, test } from "vitest";
import { ACTIVATIONS } from "../../src/model/activations.ts";
import { checkConfig, type PartialVaeConfig, type VaeConfig } from "../../src/model/config.ts";
import { namesOf } from "../../src/model/settings.ts";
import { TILES, type TileName } from "../../src/wasm/tiles.ts";
import { parameterTable as shapesOf, trainingState, vaeBackward, vaeForward } from "../reference/vae.ts";
import { bitsOf, float32, openBuilds } from "../support/kernel-memory.ts";
import { NetworkMemory, type NetworkMemoryOptions } from "../support/network-memory.ts";
import { uniforms } from "../support/uniforms.ts";

const exact = { rtol: 0, atol: 0 };
const builds = await openBuilds();

/** Depths 1 to 3, widths that fit panels and that do not, every activation, both likelihoods. */
const configs = (
  [
    ...namesOf(ACTIVATIONS).map((activation) => ({
      inputDim: 20,
      hidden: [30, 18],
      latentDim: 2,
      activation,
    })),
    { inputDim: 21, hidden: [17], latentDim: 3, activation: "relu", likelihood: "bernoulli", seed: 0 },
    { inputDim: 32, hidden: [16, 32], latentDim: 16, activation: "tanh", likelihood: "gaussian", seed: 0 },
    { inputDim: 50, hidden: [33, 7, 19], latentDim: 18, activation: "relu", likelihood: "gaussian", seed: 0 },
    { inputDim: 1, hidden: [1], latentDim: 1, activation: "tanh", likelihood: "bernoulli", seed: 0 },
  ] satisfies PartialVaeConfig[]
).map((config) => checkConfig(config));
const named = configs.map((config) => ({
  name: `${config.inputDim}–${config.hidden}–${config.latentDim}`,
  config,
}));

const ROWS = [1, 15, 16, 17, 33] as const;

function weightsOf(config: VaeConfig): Map<string, Float32Array> {
  return new Map(
    shapesOf(config).map(([name, shape], i) => {
      const fanIn = shape[1] ?? shape[0];
      const bound = 1 / Math.sqrt(fanIn);
      const count = shape.reduce((product, size) => product * size, 1);
      return [name, float32(uniforms(i + 60, count, -bound, bound))];
    }),
  );
}

function batchOf({ inputDim, latentDim }: VaeConfig, rows: number, seed = 0) {
  // a third of the pixels is zero, as in pictures
  const x = uniforms(rows + seed + 70, rows * inputDim, -0.5, 1).map((value) => Math.max(0, value));
  return { x: float32(x), eps: float32(uniforms(rows + seed + 80, rows * latentDim, -2, 2)) };
}

describe.each(builds)("$file against the float64 twin", (build) => {
  test.each(named)("losses and gradients of $name", ({ config }) => {
    const weights = weightsOf(config);
    const { parameters } = trainingState(config, weights);
    for (const sparse of [false, true]) {
      // one network for all, so that what larger batches leave behind is there for smaller ones
      const memory = new NetworkMemory(config, build, { capacity: 33, sparse });
      memory.setParameters(weights);
      for (const rows of ROWS.toReversed()) {
        const { x, eps } = batchOf(config, rows);
        const losses = memory.rowsPhase(x, eps, rows);
        const forward = vaeForward(config, parameters, x, eps, rows);
        expect(losses.reconstruction).toBeAllClose(forward.reconstruction, { rtol: 2e-6, atol: 1e-6 });
        expect(losses.kl).toBeAllClose(forward.kl, { rtol: 2e-6, atol: 1e-6 });
        const twin = vaeBackward(config, parameters, x, eps, rows, forward);
        for (const [name, gradient] of memory.gradients(rows)) {
          const expected = twin.get(name)!;
          // sums over the batch, whose terms cancel
          const atol = 2e-7 * (1 + Math.max(...expected.map(Math.abs)));
          expect(gradient, `${name}, ${rows} rows`).toBeAllClose(expected, { rtol: 2e-6, atol });
        }
      }
    }
  });
});

describe.each(named)("the bits of $name", ({ config }) => {
  /** Three steps: rows that fill no block, then a whole batch, then fewer. */
  function trained(build: (typeof builds)[number], options: Partial<NetworkMemoryOptions>): Uint32Array {
    const memory = new NetworkMemory(config, build, { capacity: 70, ...options });
    memory.setParameters(weightsOf(config));
    const losses = [37, 70, 5].flatMap((rows, step) => {
      const { x, eps } = batchOf(config, rows, step);
      const { reconstruction, kl } = memory.step(x, eps, rows);
      return [...reconstruction, ...kl];
    });
    const numbers = (["parameters", "m", "v"] as const).flatMap((region) => [...memory.raw(region)]);
    return Uint32Array.of(...bitsOf(Float64Array.from(losses)), ...bitsOf(float32(numbers)));
  }

  const variants: readonly Partial<NetworkMemoryOptions>[] = [
    ...(Object.keys(TILES) as TileName[]).flatMap((tile) => [
      { tile, sparse: false },
      { tile, sparse: true },
    ]),
    ...[2, 3, 5].flatMap((workers) => [
      { workers, sparse: false },
      { workers, sparse: true },
    ]),
  ];

  test.each(["simd", "relaxed"] as const)(
    "%s: the same for any tile, number of workers, kind of first layer and memory",
    (arithmetic) => {
      const siblings = builds.filter((build) => build.arithmetic === arithmetic);
      for (const build of siblings) {
        const expected = trained(siblings[0], {});
        for (const variant of variants) {
          const name = `${build.file} ${JSON.stringify(variant)}`;
          expect(trained(build, variant), name).toBeAllClose(expected, exact);
        }
      }
    },
  );

  test("what a batch leaves behind does not reach the next", () => {
    const options = { capacity: 33 };
    const [used, fresh] = [0, 1].map(() => new NetworkMemory(config, builds[0], options));
    const weights = weightsOf(config);
    for (const memory of [used, fresh]) memory.setParameters(weights);
    used.rowsPhase(new Float32Array(33 * config.inputDim).fill(Number.NaN), batchOf(config, 33).eps, 33);
    const { x, eps } = batchOf(config, 5);
    const [after, alone] = [used, fresh].map((memory) => {
      memory.step(x, eps, 5);
      return bitsOf(memory.raw("parameters"));
    });
    expect(after).toBeAllClose(alone, exact);
  });

  test("what pads the panels of parameters and moments stays zero", () => {
    const memory = new NetworkMemory(config, builds[0], { capacity: 33 });
    memory.setParameters(weightsOf(config));
    for (let step = 0; step < 3; step++) {
      const { x, eps } = batchOf(config, 33, step);
      memory.step(x, eps, 33);
    }
    for (const region of ["parameters", "m", "v"] as const) {
      // writing the tensors over a copy of zeros gives the region back, so nothing else was in it
      const copy = new NetworkMemory(config, builds[0], { capacity: 1 });
      copy.setParameters(memory.tensors(region));
      expect(memory.raw(region)).toBeAllClose(copy.raw("parameters"), exact);
    }
  });
});

test("NaN in a row's data shows in that row's loss and in no other", () => {
  const [config] = configs;
  for (const sparse of [false, true]) {
    const memory = new NetworkMemory(config, builds[0], { capacity: 20, sparse });
    memory.setParameters(weightsOf(config));
    const { x, eps } = batchOf(config, 20);
    const clean = memory.rowsPhase(x, eps, 20);
    x[7 * config.inputDim + 4] = Number.NaN;
    const { reconstruction, kl } = memory.rowsPhase(x, eps, 20);
    for (let row = 0; row < 20; row++) {
      expect(reconstruction[row]).toBe(row === 7 ? Number.NaN : clean.reconstruction[row]);
      expect(kl[row]).toBe(row === 7 ? Number.NaN : clean.kl[row]);
    }
  }
});
