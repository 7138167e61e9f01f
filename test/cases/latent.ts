import { LANES } from "../../src/wasm/layout.ts";
import { panelsOf } from "../../src/wasm/matrix.ts";
import { klBackward, klForward, sampleBackward, sampleForward } from "../reference/latent.ts";
import { weightOf } from "../reference/likelihood.ts";
import type { Numbers } from "../reference/matmul.ts";
import { UNIT_ROUNDOFF as u } from "../reference/tolerance.ts";
import { float32, type KernelMemory } from "../support/kernel-memory.ts";
import { uniforms } from "../support/uniforms.ts";
import { type Case, floatBytes, matrixOutput, rowsOutput } from "./case.ts";
import { GREATEST_ERROR } from "./errors.ts";
import { rowWeights } from "./likelihood.ts";

/** Matrices of [rows, dim], and what multiplies the KL term's gradient of each row. */
export interface LatentOperands {
  readonly mu: Numbers;
  readonly logvar: Numbers;
  readonly eps: Numbers;
  readonly dz: Numbers;
  readonly weights: Numbers;
}

export function latentOperands(rows: number, dim: number): LatentOperands {
  const draw = (seed: number, size: number) =>
    float32(uniforms(seed + rows * 41 + dim, rows * dim, -size, size));
  return {
    mu: draw(1, 3),
    logvar: draw(2, 12),
    eps: draw(3, 5),
    dz: draw(4, 2),
    weights: rowWeights(rows),
  };
}

/** Subnormal products lose up to this much. */
const SMALLEST = 2 ** -149;

/** μ, log σ² and ε in memory, and room for z. */
function put(memory: KernelMemory, { mu, logvar, eps }: LatentOperands, rows: number, dim: number) {
  const z = memory.slice(rows, dim);
  return {
    z,
    mu: memory.putSlice(mu, rows, dim),
    logvar: memory.putSlice(logvar, rows, dim),
    eps: memory.putSlice(eps, rows, dim),
    range: z.range,
  };
}

/** z = μ + exp(½·logvar)⊙ε */
export function reparameterize(rows: number, dim: number, given?: LatentOperands): Case {
  return {
    kernel: "reparameterize",
    what: `z: ${rows}×${dim}`,
    bytes: floatBytes(4 * rows * panelsOf(dim) * LANES),
    prepare(memory) {
      const operands = given ?? latentOperands(rows, dim);
      const { range, ...latent } = put(memory, operands, rows, dim);
      const { mu, logvar, eps } = operands;
      const expected = sampleForward(mu, logvar, eps);
      const atol = expected.map((value, i) => {
        const noise = Math.abs(Math.exp(0.5 * logvar[i]) * eps[i]);
        return (GREATEST_ERROR.exp + 2 * u) * noise + u * Math.abs(value) + SMALLEST;
      });
      const kernels = memory.kernels();
      return {
        run: () => kernels.reparameterize(latent, range),
        outputs: [matrixOutput(memory, "z", latent.z.own, expected, { rtol: 0, atol })],
      };
    },
  };
}

/** Every term of a row's divergence rounds a few times, and its parts cancel. */
function klBound({ mu, logvar }: LatentOperands, rows: number, dim: number): Float64Array {
  const terms = new Float64Array(rows);
  for (let i = 0; i < rows * dim; i++) {
    terms[Math.floor(i / dim)] += mu[i] ** 2 + Math.exp(logvar[i]) + 1 + Math.abs(logvar[i]);
  }
  return terms.map((sum) => 0.5 * (GREATEST_ERROR.exp + 4 * u) * sum);
}

/** KL(q‖N(0, I)) of each row */
export function kl(rows: number, dim: number, given?: LatentOperands): Case {
  return {
    kernel: "kl",
    what: `z: ${rows}×${dim}`,
    bytes: floatBytes(2 * rows * panelsOf(dim) * LANES),
    prepare(memory) {
      const operands = given ?? latentOperands(rows, dim);
      const { range, ...latent } = put(memory, operands, rows, dim);
      const { loss } = memory.lossRoom(range);
      const expected = klForward(operands.mu, operands.logvar, rows, dim);
      const near = { rtol: 0, atol: klBound(operands, rows, dim) };
      const kernels = memory.kernels();
      return {
        run: () => kernels.kl(loss, latent, range),
        outputs: [rowsOutput(memory, "kl", [loss, range[0]], expected, near)],
      };
    },
  };
}

/** dμ and dlogvar in float64: through the reparameterisation, plus the KL term's, and how far off they may be. */
function backwardTwin({ dz, mu, logvar, eps, weights }: LatentOperands) {
  const [sample, divergence] = [sampleBackward(dz, logvar, eps), klBackward(mu, logvar, weights)];
  const dmu = sample.dmu.map((value, i) => value + divergence.dmu[i]);
  const dlogvar = sample.dlogvar.map((value, i) => value + divergence.dlogvar[i]);
  return {
    dmu,
    dlogvar,
    muBound: dmu.map((value, i) => u * (Math.abs(value) + Math.abs(divergence.dmu[i]))),
    logvarBound: dlogvar.map((value, i) => {
      const weight = Math.abs(weightOf(i, mu, weights));
      const parts = Math.abs(sample.dlogvar[i]) + 0.5 * weight * Math.exp(logvar[i]);
      const rounding = 2 * u * Math.abs(value) + u * Math.max(1, weight) + SMALLEST;
      return (GREATEST_ERROR.exp + 5 * u) * parts + rounding;
    }),
  };
}

export function latentBackward(rows: number, dim: number, given?: LatentOperands): Case {
  return {
    kernel: "latentBackward",
    what: `z: ${rows}×${dim}`,
    bytes: floatBytes(6 * rows * panelsOf(dim) * LANES),
    prepare(memory) {
      const operands = given ?? latentOperands(rows, dim);
      const { range, ...latent } = put(memory, operands, rows, dim);
      const [mu, logvar] = [memory.slice(rows, dim), memory.slice(rows, dim)];
      const d = { z: memory.putSlice(operands.dz, rows, dim), mu, logvar };
      const { weights } = memory.lossRoom(range, operands.weights);
      const { dmu, dlogvar, muBound, logvarBound } = backwardTwin(operands);
      const kernels = memory.kernels();
      return {
        run: () => kernels.latentBackward(d, latent, range, weights),
        outputs: [
          matrixOutput(memory, "dμ", mu.own, dmu, { rtol: 0, atol: muBound }),
          matrixOutput(memory, "dlogvar", logvar.own, dlogvar, { rtol: 0, atol: logvarBound }),
        ],
      };
    },
  };
}
