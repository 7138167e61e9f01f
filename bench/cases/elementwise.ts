import { LANES, ROW_BYTES } from "../../src/wasm/kernels.ts";
import { reluBackward, sigmoidForward, tanhBackward } from "../../test/reference/activation.ts";
import { adamStep } from "../../test/reference/adam.ts";
import { klBackward, klForward, sampleBackward, sampleForward } from "../../test/reference/latent.ts";
import {
  bernoulliBackward,
  bernoulliForward,
  gaussianBackward,
  gaussianForward,
} from "../../test/reference/likelihood.ts";
import { adamCoefficients } from "../../test/support/adam.ts";
import { float32, type KernelMemory, type Panels } from "../../test/support/kernel-memory.ts";
import { uniforms } from "../../test/support/uniforms.ts";
import { bytesOf, type Case, expectClose, SLACK } from "./case.ts";

const NEAR = 1e-5;
/** Of a row's loss, a sum of several hundred terms. */
const NEAR_SUM = 1e-2;

function drawn(memory: KernelMemory, seed: number, rows: number, columns: number, low = -1, high = 1) {
  const values = float32(uniforms(seed, rows * columns, low, high));
  return { values, at: memory.put(values, rows, columns, SLACK) };
}

function derivativeCase(kernel: "reluBackward" | "tanhBackward", rows: number, columns: number): Case {
  return {
    kernel,
    what: `h: ${rows}×${columns}`,
    bytes: bytesOf(3 * rows * columns),
    prepare(memory) {
      const dy = drawn(memory, 20, rows, columns);
      const y = drawn(memory, 21, rows, columns);
      const { at, stride, panels } = dy.at;
      return {
        run: () => memory.kernels[kernel](at, y.at.at, stride, rows, panels),
        check() {
          const twin = kernel === "reluBackward" ? reluBackward : tanhBackward;
          expectClose(memory.get(dy.at), twin(dy.values, y.values), NEAR);
        },
        // in place, again and again, tanh's factors would make the numbers denormal and slow
        settle: () => memory.write(y.at, new Float32Array(rows * columns)),
      };
    },
  };
}

function likelihoodCase(kernel: "bernoulli" | "gaussian", rows: number, columns: number): Case {
  return {
    kernel,
    what: `out: ${rows}×${columns}`,
    bytes: bytesOf(3 * rows * columns),
    prepare(memory) {
      const out = drawn(memory, 22, rows, columns, -4, 4);
      const x = drawn(memory, 23, rows, columns, 0, 1);
      const loss = memory.allocate(rows * 8);
      const scratch = memory.allocate(2 * rows * ROW_BYTES);
      const weights = memory.putVector(new Float32Array(rows).fill(1));
      const { at, stride } = out.at;
      return {
        run: () => memory.kernels[kernel](loss, at, x.at.at, stride, rows, columns, scratch, weights),
        check() {
          const [forward, backward] =
            kernel === "bernoulli"
              ? [bernoulliForward, bernoulliBackward]
              : [gaussianForward, gaussianBackward];
          expectClose(memory.get(out.at), backward(out.values, x.values), NEAR);
          expectClose(memory.doubles(loss, rows), forward(out.values, x.values, rows, columns), NEAR_SUM);
        },
      };
    },
  };
}

function sigmoidCase(rows: number, columns: number): Case {
  return {
    kernel: "sigmoid",
    what: `out: ${rows}×${columns}`,
    bytes: bytesOf(2 * rows * columns),
    prepare(memory) {
      const out = drawn(memory, 24, rows, columns, -4, 4);
      const { at, stride, panels } = out.at;
      return {
        run: () => memory.kernels.sigmoid(at, stride, rows, panels),
        check: () => expectClose(memory.get(out.at), sigmoidForward(out.values), NEAR),
      };
    },
  };
}

/** μ, log σ², ε and room for a fourth, all of one stride. */
function latent(memory: KernelMemory, rows: number, columns: number) {
  const [mu, logvar, eps] = [25, 26, 27].map((seed) => drawn(memory, seed, rows, columns)) as [
    ReturnType<typeof drawn>,
    ReturnType<typeof drawn>,
    ReturnType<typeof drawn>,
  ];
  return { mu, logvar, eps, stride: mu.at.stride, panels: mu.at.panels };
}

function latentCases(rows: number, columns: number): Case[] {
  const what = `z: ${rows}×${columns}`;
  return [
    {
      kernel: "reparameterize",
      what,
      bytes: bytesOf(4 * rows * LANES),
      prepare(memory) {
        const { mu, logvar, eps, stride, panels } = latent(memory, rows, columns);
        const z = memory.room(rows, columns, SLACK);
        const [m, l, e] = [mu.at.at, logvar.at.at, eps.at.at];
        return {
          run: () => memory.kernels.reparameterize(z.at, m, l, e, stride, rows, panels),
          check: () => expectClose(memory.get(z), sampleForward(mu.values, logvar.values, eps.values), NEAR),
        };
      },
    },
    {
      kernel: "kl",
      what,
      bytes: bytesOf(2 * rows * LANES),
      prepare(memory) {
        const { mu, logvar, stride, panels } = latent(memory, rows, columns);
        const loss = memory.allocate(rows * 8);
        return {
          run: () => memory.kernels.kl(loss, mu.at.at, logvar.at.at, stride, rows, panels),
          check: () =>
            expectClose(memory.doubles(loss, rows), klForward(mu.values, logvar.values, rows, columns), NEAR),
        };
      },
    },
    latentBackwardCase(rows, columns),
  ];
}

function latentBackwardCase(rows: number, columns: number): Case {
  return {
    kernel: "latentBackward",
    what: `z: ${rows}×${columns}`,
    bytes: bytesOf(6 * rows * LANES),
    prepare(memory) {
      const { mu, logvar, eps, stride, panels } = latent(memory, rows, columns);
      const dz = drawn(memory, 28, rows, columns);
      const [dmu, dlogvar] = [0, 1].map(() => memory.room(rows, columns, SLACK)) as [Panels, Panels];
      const [m, l, e, d] = [mu.at.at, logvar.at.at, eps.at.at, dz.at.at];
      const weights = memory.putVector(new Float32Array(rows).fill(1));
      return {
        run: () =>
          memory.kernels.latentBackward(dmu.at, dlogvar.at, d, m, l, e, stride, rows, panels, weights),
        check() {
          const drawing = sampleBackward(dz.values, logvar.values, eps.values);
          const divergence = klBackward(mu.values, logvar.values);
          const sum = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value + b[i]!);
          expectClose(memory.get(dmu), sum(drawing.dmu, divergence.dmu), NEAR);
          expectClose(memory.get(dlogvar), sum(drawing.dlogvar, divergence.dlogvar), NEAR);
        },
      };
    },
  };
}

/** Adam on as many parameters as fc1 has, its gradient read from memory as well. */
function adamCase(rows: number): Case {
  return {
    kernel: "adamRows",
    what: `${rows} rows of ${LANES}`,
    bytes: bytesOf(7 * rows * LANES),
    prepare(memory) {
      const count = rows * LANES;
      const start = float32(uniforms(29, count));
      const gradient = float32(uniforms(30, count, 0.01, 1));
      const zeros = new Float32Array(count);
      const [w, m, v, g] = [start, zeros, zeros, gradient].map((values) => memory.putVector(values)) as [
        number,
        number,
        number,
        number,
      ];
      const adam = memory.putVector(adamCoefficients(1));
      return {
        run: () => memory.kernels.adamRows(w, m, v, g, rows, adam),
        check() {
          const expected = Float64Array.from(start);
          adamStep(expected, new Float64Array(count), new Float64Array(count), gradient, 1);
          expectClose(memory.floats(w, count), expected, NEAR);
        },
      };
    },
  };
}

export function elementwiseCases(batch: number): Case[] {
  return [
    derivativeCase("reluBackward", batch, 400),
    derivativeCase("tanhBackward", batch, 400),
    likelihoodCase("bernoulli", batch, 784),
    likelihoodCase("gaussian", batch, 784),
    sigmoidCase(batch, 784),
    ...latentCases(batch, 2),
    adamCase(785 * 25),
  ];
}
