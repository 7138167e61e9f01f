import { ROW_BYTES } from "../../src/wasm/layout.ts";
import { panelsOf } from "../../src/wasm/matrix.ts";
import { sigmoid } from "../reference/activation.ts";
import {
  bernoulliBackward,
  bernoulliForward,
  gaussianBackward,
  gaussianForward,
  weightOf,
} from "../reference/likelihood.ts";
import type { Numbers } from "../reference/matmul.ts";
import { gamma, UNIT_ROUNDOFF as u } from "../reference/tolerance.ts";
import type { Closeness } from "../support/closeness.ts";
import { float32 } from "../support/kernel-memory.ts";
import { uniforms } from "../support/uniforms.ts";
import { type Case, floatBytes, matrixOutput, rowsOutput, span } from "./case.ts";
import { logits } from "./elementwise.ts";
import { GREATEST_ERROR } from "./errors.ts";

/** The decoder's output and the data, [rows, columns], and what multiplies each row's gradient. */
export interface LossOperands {
  readonly out: Float32Array;
  readonly x: Float32Array;
  readonly weights: Numbers;
}

/** A weight for each row, 1 for the first. */
export function rowWeights(rows: number): Float32Array {
  return float32(uniforms(rows, rows, -0.5, 2).map((value, r) => (r === 0 ? 1 : value)));
}

export function lossOperands(rows: number, columns: number): LossOperands {
  const values = uniforms(columns * 37 + rows, rows * columns, -0.5, 1.5);
  return {
    out: logits(rows, columns),
    x: float32(values.map((value) => Math.min(1, Math.max(0, value)))),
    weights: rowWeights(rows),
  };
}

interface Twin {
  forward(out: Numbers, x: Numbers, rows: number, columns: number): Float64Array;
  backward(out: Numbers, x: Numbers, weights?: Numbers): Float64Array;
  lossCloseness(operands: LossOperands, rows: number, columns: number): Closeness;
  /** How far each element of the gradient may be off before it is multiplied by its weight. */
  gradientBound(operands: LossOperands): Float64Array;
}

/** Sums over the columns of each row. */
function rowSums(rows: number, columns: number, term: (i: number) => number): Float64Array {
  return Float64Array.from({ length: rows }, (_, r) => {
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += term(r * columns + c);
    return sum;
  });
}

/**
 * Each lane adds up ⌈columns / 16⌉ terms with a few roundings in each, and takes a logarithm of a product of up to 120
 * factors, each of which is off by a few roundings.
 */
function bernoulliBound({ out, x }: LossOperands, rows: number, columns: number): Float64Array {
  const panels = panelsOf(columns);
  const lanes = Math.min(16, columns) * Math.ceil(panels / 120);
  const sizes = rowSums(rows, columns, (i) => {
    const s = out[i];
    return Math.max(s, 0) + Math.abs(s * x[i]) + Math.log1p(Math.exp(-Math.abs(s)));
  });
  return sizes.map((size) => gamma(panels + 4) * size + 4 * u * columns + lanes * GREATEST_ERROR.softplus);
}

const TWINS: Readonly<Record<Likelihood, Twin>> = {
  bernoulli: {
    forward: bernoulliForward,
    backward: bernoulliBackward,
    lossCloseness: (...given) => ({ rtol: 0, atol: bernoulliBound(...given) }),
    gradientBound: ({ out }) =>
      Float64Array.from(out, (s) => GREATEST_ERROR.sigmoid * sigmoid(s) + u + GREATEST_ERROR.sigmoidFarLeft),
  },
  gaussian: {
    forward: gaussianForward,
    backward: gaussianBackward,
    lossCloseness: (_, __, columns) => ({ rtol: gamma(panelsOf(columns) + 5), atol: 0 }),
    gradientBound: ({ out, x }) => gaussianBackward(out, x).map((value) => u * Math.abs(value)),
  },
};

export type Likelihood = "bernoulli" | "gaussian";

export const LIKELIHOODS = ["bernoulli", "gaussian"] as const satisfies readonly Likelihood[];

/** −log p(x|z) of each row, and its gradient in place of the decoder's output */
export function lossAndGradient(
  kernel: Likelihood,
  rows: number,
  columns: number,
  given?: LossOperands,
): Case {
  return likelihoodCase(kernel, true, [rows, columns], given);
}

/** −log p(x|z) of each row; the decoder's output stays */
export function loss(kernel: Likelihood, rows: number, columns: number, given?: LossOperands): Case {
  return likelihoodCase(kernel, false, [rows, columns], given);
}

function likelihoodCase(
  kernel: Likelihood,
  gradient: boolean,
  [rows, columns]: readonly [rows: number, columns: number],
  given?: LossOperands,
): Case {
  return {
    kernel: gradient ? kernel : `${kernel}Loss`,
    what: `${rows}×${columns}`,
    bytes: floatBytes((gradient ? 3 : 2) * rows * columns),
    prepare(memory) {
      const operands = given ?? lossOperands(rows, columns);
      const { out, x, weights } = operands;
      const { forward, backward, lossCloseness, gradientBound } = TWINS[kernel];
      const output = memory.putSlice(out, rows, columns);
      const target = memory.putSlice(x, rows, columns);
      const [from] = output.range;
      const { weights: at, ...unweighted } = memory.lossRoom(output.range, weights);
      const room = gradient ? { ...unweighted, weights: at } : unweighted;
      const losses = forward(out, x, rows, columns);
      const outputs = [
        rowsOutput(memory, "loss", [room.loss, from], losses, lossCloseness(operands, rows, columns)),
      ];
      if (gradient) {
        const expected = backward(out, x, weights);
        const atol = gradientBound(operands).map(
          (bound, i) => bound * Math.abs(weightOf(i, out, weights)) + u * Math.abs(expected[i]),
        );
        outputs.push(matrixOutput(memory, "gradient", output.own, expected, { rtol: 0, atol }));
      }
      const kernels = memory.kernels();
      return {
        run: () => kernels.loss(kernel, output, target, columns, output.range, room),
        outputs,
        scratch: [span(room.scratch + from * 2 * ROW_BYTES, rows * 2 * ROW_BYTES)],
      };
    },
  };
}
