import { GRADIENT_BYTES, LANES } from "../../src/wasm/layout.ts";
import { panelsOf, type Range } from "../../src/wasm/matrix.ts";
import { ADAM_DEFAULTS, type AdamSettings, adamStep } from "../reference/adam.ts";
import type { Numbers } from "../reference/matmul.ts";
import { UNIT_ROUNDOFF as u } from "../reference/tolerance.ts";
import { adamCoefficients } from "../support/adam.ts";
import { float32, type Grid, type KernelMemory, trained } from "../support/kernel-memory.ts";
import { once } from "../support/once.ts";
import { uniforms } from "../support/uniforms.ts";
import { type Case, floatBytes, matrixOutput, span } from "./case.ts";
import {
  flopsOf,
  gradientOf,
  gradientTolerance,
  type Operands,
  operandsOf,
  type Shape,
  shapeText,
} from "./products.ts";

/** Weights, and Adam's first and second moment of each. */
export interface State<T = Numbers> {
  readonly w: T;
  readonly m: T;
  readonly v: T;
}

export const STATE = ["w", "m", "v"] as const;

/** A step of Adam: its number, from 1, and the settings. */
export interface AdamStep {
  readonly step: number;
  readonly settings: AdamSettings;
}

const IN_A_RUN: AdamStep = { step: 3, settings: ADAM_DEFAULTS };

/** Parameters and moments as they might be in the middle of a run: v is never negative. */
export function stateInARun(count: number): State<Float32Array> {
  return {
    w: float32(uniforms(6, count)),
    m: float32(uniforms(7, count, -0.1, 0.1)),
    v: float32(uniforms(8, count, 0, 1e-3)),
  };
}

/** Moments within this of zero may become zero: half a unit in the last place of the kernel's 2⁻⁹⁰. */
const FADED = 2 ** -113;

/**
 * How far one step in float32 may be from the exact one, from the same float32 state. Coefficients, products and sums
 * each round once; where the two terms of m cancel, the error of m stays relative to them. What the gradient is off by
 * goes through both moments.
 */
function adamTolerance(
  before: State,
  after: State<Float64Array>,
  gradient: Numbers,
  gradientBound: Numbers,
  { step, settings: { lr, beta1, beta2, eps } }: AdamStep,
): State<Float64Array> {
  const m = after.m.map((_, i) => {
    const terms = beta1 * Math.abs(before.m[i]) + (1 - beta1) * Math.abs(gradient[i]);
    return 6 * u * terms + FADED + (1 - beta1) * gradientBound[i];
  });
  const square = after.v.map((_, i) => {
    const [g, off] = [Math.abs(gradient[i]), gradientBound[i]];
    return (1 - beta2) * (2 * g + off) * off;
  });
  const v = after.v.map((value, i) => 8 * u * value + FADED + square[i]);
  const w = after.w.map((value, i) => {
    const change = Math.abs(value - before.w[i]);
    const correction = 1 - beta2 ** step;
    const divisor = (moment: number): number => Math.sqrt(Math.max(0, moment) / correction) + eps;
    const perM = lr / (1 - beta1 ** step) / divisor(after.v[i]);
    // √v halves v's relative error, and where v faded ε outweighs it
    const faded = (Math.sqrt(FADED) / (eps * Math.sqrt(correction))) * change;
    const smaller = divisor(after.v[i]) / divisor(after.v[i] - square[i]) - 1;
    return u * Math.abs(value) + 12 * u * change + perM * m[i] + faded + smaller * (change + perM * m[i]);
  });
  return { w, m, v };
}

/** A state after a step in float64, and how far off each number may be. */
function adamTwin(before: State, gradient: Numbers, gradientBound: Numbers, step: AdamStep) {
  const exact = (values: Numbers) => Float64Array.from(values);
  const expected = { w: exact(before.w), m: exact(before.m), v: exact(before.v) };
  adamStep(expected.w, expected.m, expected.v, gradient, step.step, step.settings);
  return { expected, tolerance: adamTolerance(before, expected, gradient, gradientBound, step) };
}

function stateOutputs(memory: KernelMemory, grids: State<Grid>, twin: ReturnType<typeof adamTwin>) {
  const { expected, tolerance } = twin;
  return STATE.map((name) =>
    matrixOutput(memory, name, grids[name], expected[name], { rtol: 0, atol: tolerance[name] }),
  );
}

/** A state, the gradient for it, and the step that changes it. */
export interface AdamOperands {
  readonly before: State;
  readonly gradient: Numbers;
  readonly step: AdamStep;
}

/** Adam on rows of 16 parameters, and a gradient from memory. */
export function adam(rows: number, operands?: AdamOperands): Case {
  const count = rows * LANES;
  const made = once(() => {
    const { before, gradient, step } = operands ?? {
      before: stateInARun(count),
      gradient: float32(uniforms(30, count)),
      step: IN_A_RUN,
    };
    return { before, gradient, step, twin: adamTwin(before, gradient, new Float64Array(count), step) };
  });
  return {
    kernel: "adamRows",
    what: `${rows}×${LANES}, step ${(operands?.step ?? IN_A_RUN).step}`,
    bytes: floatBytes(7 * count),
    prepare(memory) {
      const { before, gradient, step, twin } = made();
      const put = (values: Numbers) => memory.put(values, rows, LANES, 0);
      const grids = { w: put(before.w), m: put(before.m), v: put(before.v) };
      const [{ at }, { w, m, v }] = [put(gradient), grids];
      const coefficients = memory.putVector(adamCoefficients(step.step, step.settings));
      return {
        run: () => memory.exports.adamRows(w.at, m.at, v.at, at, rows, coefficients),
        outputs: stateOutputs(memory, grids, twin),
      };
    },
  };
}

/** Blocks of [16, 16] that a layer's weights have in all; the bias goes with the last of each panel. */
export function blocksOf({ k, n }: Pick<Shape, "k" | "n">): number {
  return panelsOf(k) * panelsOf(n);
}

/** A state of a layer's weights. */
export function stateOf({ k, n }: Pick<Shape, "k" | "n">): State<Float32Array> {
  return stateInARun((k + 1) * n);
}

/** A state of a layer's weights in memory. */
export function putState(memory: KernelMemory, { k, n }: Shape, state = stateOf({ k, n })) {
  const put = (values: Numbers) => memory.put(values, k + 1, n, 0);
  const grids = { w: { ...put(state.w), k }, m: put(state.m), v: put(state.v) };
  return { grids, weights: trained(grids.w, grids.m, grids.v) };
}

/** W, b and their moments after a step with the gradient [xᵀ·dy; Σ dy] */
export function linearUpdate(shape: Shape, operands?: Operands): Case {
  return update("linearUpdate", shape, operands);
}

/** The same from the nonzeros of x's columns. */
export function linearUpdateSparse(shape: Shape, operands?: Operands): Case {
  return update("linearUpdateSparse", shape, operands);
}

function update(kernel: "linearUpdate" | "linearUpdateSparse", shape: Shape, given?: Operands): Case {
  const { rows, k, n } = shape;
  const sparse = kernel === "linearUpdateSparse";
  const flops = sparse ? flopsOf(shape) : 2 * rows * k * n;
  const made = once(() => {
    const [operands, state] = [given ?? operandsOf(shape), stateOf(shape)];
    const [gradient, bound] = [gradientOf(shape, operands), gradientTolerance(shape, operands)];
    return { operands, state, twin: adamTwin(state, gradient, bound, IN_A_RUN) };
  });
  return {
    kernel,
    what: `${shapeText(shape, k, n, rows)}, Adam`,
    flops,
    bytes: floatBytes(sparse ? flops / n : rows * k, rows * n, 6 * (k + 1) * n),
    prepare(memory, tile) {
      const { operands, state, twin } = made();
      const x = memory.putSlice(operands.x, rows, k).own;
      const dy = memory.putSlice(operands.dy, rows, n).own;
      const { grids, weights } = putState(memory, shape, state);
      const { step, settings } = IN_A_RUN;
      const room = memory.updateRoom(adamCoefficients(step, settings));
      const kernels = memory.kernels(tile);
      const lists = sparse ? memory.listColumns(x) : undefined;
      const [blocks, columns]: Range[] = [
        [0, blocksOf(shape)],
        [0, x.panels * LANES],
      ];
      return {
        run: lists
          ? () => kernels.linearUpdateSparse(weights, lists, dy, rows, columns, room)
          : () => kernels.linearUpdate(weights, x, dy, rows, blocks, room),
        outputs: stateOutputs(memory, grids, twin),
        scratch: [span(room.gradient, GRADIENT_BYTES)],
      };
    },
  };
}
