import { describe, expect, test } from "vitest";
import { checkConfig } from "../../src/model/config.ts";
import { type GoldenLoss, loadGolden } from "../golden/golden.ts";
import { sum, trainingState, trainStep, vaeBackward, vaeForward } from "../reference/vae.ts";
import { openBuilds } from "../support/kernel-memory.ts";
import { type Losses, NetworkMemory } from "../support/network-memory.ts";

/** The network on every build against PyTorch's run and against the float64 twin's. */

const { cases } = loadGolden();
const layers = [
  { layer: "dense", sparse: false, workers: 1 },
  { layer: "sparse", sparse: true, workers: 3 },
] as const;

function flat(losses: readonly GoldenLoss[]): number[] {
  return losses.flatMap(({ loss, reconstruction, kl }) => [loss, reconstruction, kl]);
}

function lossOf({ reconstruction, kl }: Losses): GoldenLoss {
  const [a, b] = [sum(reconstruction), sum(kl)];
  return { loss: a + b, reconstruction: a, kl: b };
}

describe.each(await openBuilds())("$file", (build) => {
  describe.each(cases)("$name", (golden) => {
    const { batchSize, adam, shapes, x, eps } = golden;
    const config = checkConfig({ ...golden.config, seed: 0 });

    describe.each(layers)("first layer $layer", (options) => {
      const open = (): NetworkMemory => {
        const memory = new NetworkMemory(config, build, { capacity: batchSize, ...options });
        memory.setParameters(golden.initial);
        return memory;
      };

      test("every gradient of the first step", () => {
        const memory = open();
        memory.rowsPhase(x[0], eps[0], batchSize);
        const gradients = memory.gradients(batchSize);
        const { parameters } = trainingState(config, golden.initial);
        const forward = vaeForward(config, parameters, x[0], eps[0], batchSize);
        const twin = vaeBackward(config, parameters, x[0], eps[0], batchSize, forward);
        expect([...gradients.keys()]).toEqual([...shapes.keys()]);
        for (const [name, shape] of shapes) {
          const close = { rtol: 1e-6, atol: 1e-6, shape };
          expect(gradients.get(name), `${name}, twin`).toBeAllClose(twin.get(name)!, close);
          expect(gradients.get(name), `${name}, PyTorch`).toBeAllClose(golden.gradients.get(name)!, close);
        }
      });

      test("ten steps of loss, and the weights after them", () => {
        const memory = open();
        const trained = trainingState(config, golden.initial);
        const losses = x.map((batch, step) => lossOf(memory.step(batch, eps[step], batchSize, adam)));
        for (const [step, batch] of x.entries()) trainStep(trained, batch, eps[step], batchSize, adam);

        const shape = [x.length, 3];
        const close = { rtol: 1e-6, atol: 1e-6 };
        expect(flat(losses)).toBeAllClose(flat(golden.losses64), { ...close, shape });
        expect(flat(losses)).toBeAllClose(flat(golden.losses32), { ...close, shape });
        const weights = memory.tensors("parameters");
        const [m, v] = [memory.tensors("m"), memory.tensors("v")];
        for (const [name, shape] of shapes) {
          expect(weights.get(name), `${name}, PyTorch`).toBeAllClose(golden.final.get(name)!, {
            ...close,
            shape,
          });
          expect(weights.get(name), name).toBeAllClose(trained.parameters.get(name)!, { ...close, shape });
          expect(m.get(name), `m of ${name}`).toBeAllClose(trained.m.get(name)!, { ...close, shape });
          expect(v.get(name), `v of ${name}`).toBeAllClose(trained.v.get(name)!, { ...close, shape });
        }
      });
    });
  });
});
