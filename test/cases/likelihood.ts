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
import { float32, type KernelMemory } from "../support/kernel-memory.ts";
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

function put(memory: KernelMemory, { out, x, weights }: LossOperands, rows: number, columns: number) {
  const output = memory.putSlice(out, rows, columns);
  const target = memory.putSlice(x, rows, columns);
  const room = memory.lossRoom(output.range, weights);
  const scratch = span(room.scratch + output.range[0] * 2 * ROW_BYTES, rows * 2 * ROW_BYTES);
  return { output, target, room, scratch: [scratch] };
}

/** −log p(x|z) of each row, and its gradient in place of the decoder's output */
export function lossAndGradient(
  kernel: Likelihood,
  rows: number,
  columns: number,
  given?: LossOperands,
): Case {
  const { forward, backward, lossCloseness, gradientBound } = TWINS[kernel];
  return {
    kernel,
    what: `${rows}×${columns}`,
    bytes: floatBytes(3 * rows * columns),
    prepare(memory) {
      const operands = given ?? lossOperands(rows, columns);
      const { output, target, room, scratch } = put(memory, operands, rows, columns);
      const { out, x, weights } = operands;
      const { range, own } = output;
      const gradient = backward(out, x, weights);
      const atol = gradientBound(operands).map(
        (bound, i) => bound * Math.abs(weightOf(i, out, weights)) + u * Math.abs(gradient[i]),
      );
      const loss = forward(out, x, rows, columns);
      const near = lossCloseness(operands, rows, columns);
      const kernels = memory.kernels();
      return {
        run: () => kernels.loss(kernel, output, target, columns, range, room),
        outputs: [
          rowsOutput(memory, "loss", [room.loss, range[0]], loss, near),
          matrixOutput(memory, "gradient", own, gradient, { rtol: 0, atol }),
        ],
        scratch,
      };
    },
  };
}

/** −log p(x|z) of each row */
export function loss(kernel: Likelihood, rows: number, columns: number, given?: LossOperands): Case {
  const { forward, lossCloseness } = TWINS[kernel];
  return {
    kernel: `${kernel}Loss`,
    what: `${rows}×${columns}`,
    bytes: floatBytes(2 * rows * columns),
    prepare(memory) {
      const operands = given ?? lossOperands(rows, columns);
      const { output, target, room, scratch } = put(memory, operands, rows, columns);
      const { out, x } = operands;
      const { range } = output;
      const expected = forward(out, x, rows, columns);
      const near = lossCloseness(operands, rows, columns);
      const kernels = memory.kernels();
      const { weights: _, ...unweighted } = room;
      return {
        run: () => kernels.loss(kernel, output, target, columns, range, unweighted),
        outputs: [rowsOutput(memory, "loss", [room.loss, range[0]], expected, near)],
        scratch,
      };
    },
  };
}
