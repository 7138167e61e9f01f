import type { Finish } from "../../src/wasm/kernels.ts";
import { LANES } from "../../src/wasm/layout.ts";
import { panelsOf } from "../../src/wasm/matrix.ts";
import { reluForward, tanhForward } from "../reference/activation.ts";
import {
  columnSums,
  matmulBackwardInput,
  matmulBackwardWeight,
  matmulForward,
  transpose,
} from "../reference/matmul.ts";
import {
  columnSumsTolerance,
  matmulBackwardInputTolerance,
  matmulBackwardWeightTolerance,
  matmulForwardTolerance,
} from "../reference/tolerance.ts";
import { float32, type Grid } from "../support/kernel-memory.ts";
import { once } from "../support/once.ts";
import { uniforms } from "../support/uniforms.ts";
import { type Case, floatBytes, matrixOutput } from "./case.ts";
import { GREATEST_ERROR } from "./errors.ts";

/** A dense layer's sizes: y [rows, n] = x [rows, k] · w [k, n] + b. */
export interface Shape {
  /** The layer's, where it has one. */
  readonly name?: string;
  readonly rows: number;
  readonly k: number;
  readonly n: number;
  /** The part of x that is not zero, all where nothing is said. */
  readonly density?: number;
}

/** x [rows, k], w [k, n], b [n], and dy [rows, n], the gradient of y. */
export interface Operands {
  readonly x: Float32Array;
  readonly w: Float32Array;
  readonly b: Float32Array;
  readonly dy: Float32Array;
}

export function operandsOf({ rows, k, n, density = 1 }: Shape): Operands {
  const bound = 1 / Math.sqrt(k);
  return {
    x: scattered(rows, k, density),
    w: float32(uniforms(k + 100, k * n, -bound, bound)),
    b: float32(uniforms(n + 200, n, -bound, bound)),
    dy: float32(uniforms(n + 300, rows * n)),
  };
}

/** Numbers of which a part is not zero; the zeros are of both signs. */
export function scattered(rows: number, columns: number, density: number): Float32Array {
  const dice = uniforms(rows + 17 * columns + 1, rows * columns, 0, 1);
  const values = uniforms(rows + 13 * columns, rows * columns);
  return float32(values.map((value, i) => (dice[i] < density ? value : value < 0 ? -0 : 0)));
}

export function shapeText({ name, density = 1 }: Shape, ...sizes: readonly number[]): string {
  const sparse = density < 1 ? `, ${Math.round(100 * density)} %` : "";
  return `${name ? `${name}: ` : ""}${sizes.join("×")}${sparse}`;
}

/** Multiplications and additions of a product with x, those with zeros left out. */
export function flopsOf({ rows, k, n, density = 1 }: Shape): number {
  return 2 * rows * k * n * density;
}

/** Slopes are at most 1, so that activations pass on no more error than they get. */
const FINISHES: Readonly<Record<Finish, { twin: (sums: Float64Array) => Float64Array; ownError: number }>> = {
  none: { twin: (sums) => sums, ownError: 0 },
  relu: { twin: reluForward, ownError: 0 },
  tanh: { twin: tanhForward, ownError: GREATEST_ERROR.tanh },
};

export const FINISH_NAMES = Object.keys(FINISHES) as readonly Finish[];

/** y = f(x·W + b) */
export function linear(shape: Shape, finish: Finish, operands?: Operands): Case {
  return forward("linear", shape, finish, operands);
}

/** The same from the nonzeros of x. */
export function linearSparse(shape: Shape, finish: Finish, operands?: Operands): Case {
  return forward("linearSparse", shape, finish, operands);
}

function forward(kernel: "linear" | "linearSparse", shape: Shape, finish: Finish, given?: Operands): Case {
  const { rows, k, n } = shape;
  const sparse = kernel === "linearSparse";
  const flops = sparse ? flopsOf(shape) : 2 * rows * k * n;
  const operands = once(() => given ?? operandsOf(shape));
  const twin = once(() => {
    const { x, w, b } = operands();
    const { twin, ownError } = FINISHES[finish];
    const atol = matmulForwardTolerance(x, w, b, rows, k, n).map((bound) => bound + ownError);
    return { expected: twin(matmulForward(x, w, b, rows, k, n)), atol };
  });
  return {
    kernel,
    what: `${shapeText(shape, rows, n, k)}, ${finish}`,
    flops,
    bytes: floatBytes(sparse ? flops / n : rows * k, (k + 1) * n, rows * n),
    prepare(memory, tile) {
      const { x, w, b } = operands();
      const input = memory.putSlice(x, rows, k);
      const weights = memory.putWeights(w, b, k, n);
      const y = memory.slice(rows, n);
      const lists = sparse ? memory.listRows(input) : undefined;
      const kernels = memory.kernels(tile);
      const { expected, atol } = twin();
      return {
        run: lists
          ? () => kernels.linearSparse(y, lists, weights, y.range, finish)
          : () => kernels.linear(y, input, weights, y.range, finish),
        outputs: [matrixOutput(memory, "y", y.own, expected, { rtol: 0, atol })],
      };
    },
  };
}

/** dxᵀ = W·dyᵀ, of blocks of 16 rows behind a block of others */
export function linearBackwardInput(shape: Shape): Case {
  const { rows, k, n } = shape;
  const operands = once(() => operandsOf(shape));
  const twin = once(() => {
    const { w, dy } = operands();
    // rows of zeros pad k
    const whole = (values: Float64Array) => padded(transpose(values, rows, k), panelsOf(k) * LANES * rows);
    return {
      expected: whole(matmulBackwardInput(dy, w, rows, k, n)),
      atol: whole(matmulBackwardInputTolerance(dy, w, rows, k, n)),
    };
  });
  return {
    kernel: "linearBackwardInput",
    what: shapeText(shape, rows, k, n),
    flops: 2 * rows * k * n,
    bytes: floatBytes(rows * k, k * n, rows * n),
    prepare(memory, tile) {
      const { w, b, dy } = operands();
      const weights = memory.putWeights(w, b, k, n);
      // blocks of 16 rows, transposed, are what panels are of the transpose; the first is of others
      const dyT = memory.room(weights.panels * LANES, LANES + rows);
      memory.write(panelsFrom(dyT, 1), padded(transpose(dy, rows, n), dyT.rows * rows));
      const dxT = memory.room(panelsOf(k) * LANES, LANES + rows);
      const kernels = memory.kernels(tile);
      const { expected, atol } = twin();
      return {
        run: () => kernels.linearBackwardInput(dxT, dyT, weights, [LANES, LANES + rows]),
        outputs: [matrixOutput(memory, "dxᵀ", panelsFrom(dxT, 1), expected, { rtol: 0, atol })],
      };
    },
  };
}

/** The panels of a matrix from one of them on. */
export function panelsFrom({ at, panels, columns, ...grid }: Grid, first: number): Grid {
  return {
    ...grid,
    at: at + first * grid.stride,
    panels: panels - first,
    columns: columns - first * LANES,
  };
}

function padded(values: Float64Array, length: number): Float64Array {
  return joined(values, new Float64Array(length - values.length));
}

export function joined(before: Float64Array, after: Float64Array): Float64Array {
  const all = new Float64Array(before.length + after.length);
  all.set(before);
  all.set(after, before.length);
  return all;
}

/** [dW; db] in float64, row-major. */
export function gradientOf({ rows, k, n }: Shape, { x, dy }: Operands): Float64Array {
  return joined(matmulBackwardWeight(x, dy, rows, k, n), columnSums(dy, rows, n));
}

/** How far each element of [dW; db] may be off. */
export function gradientTolerance({ rows, k, n }: Shape, { x, dy }: Operands): Float64Array {
  return joined(matmulBackwardWeightTolerance(x, dy, rows, k, n), columnSumsTolerance(dy, rows, n));
}

/** [dW; db] = [xᵀ·dy; Σ dy] */
export function linearBackwardWeight(shape: Shape): Case {
  const { rows, k, n } = shape;
  const operands = once(() => operandsOf(shape));
  const twin = once(() => ({
    expected: gradientOf(shape, operands()),
    atol: gradientTolerance(shape, operands()),
  }));
  return {
    kernel: "linearBackwardWeight",
    what: shapeText(shape, k, n, rows),
    flops: 2 * rows * k * n,
    bytes: floatBytes(rows * k, (k + 1) * n, rows * n),
    prepare(memory, tile) {
      const x = memory.putSlice(operands().x, rows, k).own;
      const dy = memory.putSlice(operands().dy, rows, n).own;
      const dw = memory.weights(k, n);
      const kernels = memory.kernels(tile);
      const { expected, atol } = twin();
      return {
        run: () => kernels.linearBackwardWeight(dw, x, dy, rows),
        outputs: [matrixOutput(memory, "dW", dw, expected, { rtol: 0, atol })],
      };
    },
  };
}
