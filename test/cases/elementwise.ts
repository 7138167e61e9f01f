import {
  reluBackward,
  sigmoidForward,
  siluBackward,
  siluForward,
  tanhBackward,
} from "../reference/activation.ts";
import type { Numbers } from "../reference/matmul.ts";
import { UNIT_ROUNDOFF as u } from "../reference/tolerance.ts";
import type { Closeness } from "../support/closeness.ts";
import { float32 } from "../support/kernel-memory.ts";
import { uniforms } from "../support/uniforms.ts";
import { type Case, floatBytes, matrixOutput } from "./case.ts";
import { GREATEST_ERROR } from "./errors.ts";

/** What an elementwise kernel changes, and what it reads beside that. */
interface Operands {
  readonly to: Numbers;
  readonly from: Numbers;
}

interface Twin {
  /** Operands that show all that it does. */
  operandsOf(rows: number, columns: number): Operands;
  twin(to: Numbers, from: Numbers): Float64Array;
  closeness(operands: Operands): Closeness;
  /** What to read so that the result stays as it is, again and again. */
  readonly still: number;
}

export function siluOperands(rows: number, columns: number): Operands {
  return {
    to: float32(uniforms(rows + 60, rows * columns, -3, 3)),
    from: float32(uniforms(columns + 60, rows * columns, -9, 9)),
  };
}

const TWINS = {
  reluBackward: {
    operandsOf: (rows, columns) => ({
      to: float32(uniforms(rows, rows * columns)),
      from: float32(uniforms(columns, rows * columns).map((value) => Math.max(0, value))),
    }),
    twin: reluBackward,
    closeness: () => ({ rtol: 0, atol: 0 }),
    still: 1,
  },
  tanhBackward: {
    operandsOf(rows, columns) {
      const from = float32(uniforms(columns + 50, rows * columns));
      from[0] = 1;
      return { to: float32(uniforms(rows + 50, rows * columns, -3, 3)), from };
    },
    twin: tanhBackward,
    // y² and the difference round once each; what they lose does not shrink with the difference
    closeness: ({ to }) => ({ rtol: u, atol: Float64Array.from(to, (value) => 2 * u * Math.abs(value)) }),
    still: 0,
  },
  silu: {
    operandsOf: siluOperands,
    twin: (_, from) => siluForward(from),
    closeness: () => ({ rtol: GREATEST_ERROR.silu, atol: 0 }),
    still: 1,
  },
  siluBackward: {
    operandsOf: siluOperands,
    twin: siluBackward,
    closeness: ({ to }) => ({
      rtol: u,
      atol: Float64Array.from(to, (value) => GREATEST_ERROR.siluSlope * Math.abs(value)),
    }),
    still: 200,
  },
} as const satisfies Record<string, Twin>;

export type ElementwiseKernel = keyof typeof TWINS;

export const ELEMENTWISE = Object.keys(TWINS) as readonly ElementwiseKernel[];

export function elementwise(
  kernel: ElementwiseKernel,
  rows: number,
  columns: number,
  given?: Operands,
): Case {
  return {
    kernel,
    what: `${rows}×${columns}`,
    bytes: floatBytes(3 * rows * columns),
    prepare(memory) {
      const { twin, closeness, operandsOf, still }: Twin = TWINS[kernel];
      const operands = given ?? operandsOf(rows, columns);
      const to = memory.putSlice(operands.to, rows, columns);
      const from = memory.putSlice(operands.from, rows, columns);
      const kernels = memory.kernels();
      const expected = twin(operands.to, operands.from);
      return {
        run: () => kernels.elementwise(kernel, to, from, to.range),
        outputs: [matrixOutput(memory, "result", to.own, expected, closeness(operands))],
        // factors below 1, again and again, would end in denormal numbers, which are slow
        settle: () => memory.write(from.own, new Float32Array(rows * columns).fill(still)),
      };
    },
  };
}

/** Logits as training has them, with some that saturate. */
export function logits(rows: number, columns: number): Float32Array {
  const values = uniforms(rows * 31 + columns, rows * columns, -8, 8);
  return float32(values.map((value, i) => (i % 11 === 0 ? value * 10 : value)));
}

/** σ in place */
export function sigmoid(rows: number, columns: number): Case {
  return {
    kernel: "sigmoid",
    what: `${rows}×${columns}`,
    bytes: floatBytes(2 * rows * columns),
    prepare(memory) {
      const values = logits(rows, columns);
      const out = memory.putSlice(values, rows, columns);
      const kernels = memory.kernels();
      const closeness = { rtol: GREATEST_ERROR.sigmoid, atol: GREATEST_ERROR.sigmoidFarLeft };
      // σ(0) = ½ is in the lanes that pad the panels, which nobody reads
      const { padding: _, ...output } = matrixOutput(memory, "σ", out.own, sigmoidForward(values), closeness);
      return { run: () => kernels.sigmoid(out, out.range), outputs: [output] };
    },
  };
}
