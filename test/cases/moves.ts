import { LANES } from "../../src/wasm/layout.ts";
import { panelsOf, type Range } from "../../src/wasm/matrix.ts";
import { transpose as turned } from "../reference/matmul.ts";
import { EXACT } from "../support/closeness.ts";
import { bitsOf, float32, sliceOf } from "../support/kernel-memory.ts";
import { uniforms } from "../support/uniforms.ts";
import { type Case, floatBytes, matrixOutput, type Output } from "./case.ts";
import { panelsFrom } from "./products.ts";

/** Numbers that are moved and not changed: the same bits. */
function asBits(output: Output): Output {
  const { expected, read } = output;
  return {
    ...output,
    read: () => bitsOf(float32(read())),
    expected: bitsOf(float32(expected)),
  };
}

/** A dataset, and which of its rows are gathered: some more than once, some not at all. */
interface Gathered {
  readonly values: Uint8Array | Float32Array;
  readonly order: readonly number[];
}

function orderOf(rows: number, of: number): number[] {
  return Array.from(uniforms(32, rows, 0, of), Math.floor);
}

/** Every byte, in `of` rows. */
function byteRows(rows: number, columns: number, of: number): Gathered {
  const values = Uint8Array.from({ length: of * columns }, (_, i) => (i * 37) % 256);
  return { values, order: orderOf(rows, of) };
}

function floatRows(rows: number, columns: number, of: number): Gathered {
  const values = float32(uniforms(columns, of * columns));
  values.set([Number.NaN, -0, Number.POSITIVE_INFINITY, 1e-45].slice(0, columns), 3 * columns);
  return { values, order: [3, ...orderOf(rows - 1, of)] };
}

const GATHERED = {
  gatherBytes: { bytesPerValue: 1, make: byteRows },
  gatherFloats: { bytesPerValue: 4, make: floatRows },
} as const;

/** x, from bytes that stand for value / 255, rounded once, or from float32; of so many rows, or of those given. */
export function gather(
  kernel: keyof typeof GATHERED,
  rows: number,
  columns: number,
  from: number | Gathered = 11,
): Case {
  const { bytesPerValue, make } = GATHERED[kernel];
  return {
    kernel,
    what: `x: ${rows}×${columns}`,
    bytes: rows * columns * bytesPerValue + floatBytes(rows * columns),
    prepare(memory) {
      const { values, order } = typeof from === "number" ? make(rows, columns, from) : from;
      const at = memory.allocate(values.length * bytesPerValue);
      memory.bytes(at, values.byteLength).set(new Uint8Array(values.buffer));
      const indices = memory.putWords(order);
      const x = memory.slice(rows, columns);
      const kernels = memory.kernels();
      const picked = order.flatMap((row) => Array.from(values.subarray(row * columns, (row + 1) * columns)));
      const expected = bytesPerValue === 1 ? picked.map((value) => value / 255) : picked;
      return {
        run: () => kernels.gather(x, columns, x.range, { at, bytesPerValue }, indices),
        outputs: [asBits(matrixOutput(memory, "x", x.own, expected, EXACT))],
      };
    },
  };
}

/** Whole blocks of 16 rows, behind a block of others. */
function blockRows(rows: number): Range {
  return [LANES, LANES + panelsOf(rows) * LANES];
}

export function transpose(rows: number, columns: number): Case {
  const range = blockRows(rows);
  const count = range[1] - LANES;
  return {
    kernel: "transpose",
    what: `dy: ${count}×${columns}`,
    bytes: floatBytes(2 * count * columns),
    prepare(memory) {
      const values = float32(uniforms(33, count * columns));
      const from = sliceOf(memory.room(range[1], columns), range);
      memory.write(from.own, values);
      // blocks of 16 rows, transposed, are what panels are of the transpose
      const to = memory.room(from.panels * LANES, range[1]);
      const kernels = memory.kernels();
      const expected = new Float32Array(to.rows * count);
      expected.set(turned(values, count, columns));
      return {
        run: () => kernels.transpose(to, from, range),
        outputs: [asBits(matrixOutput(memory, "transposed", panelsFrom(to, 1), expected, EXACT))],
      };
    },
  };
}

/** The inverse of `transpose`. */
export function transposeBack(rows: number, columns: number): Case {
  const range = blockRows(rows);
  const count = range[1] - LANES;
  return {
    kernel: "transpose",
    what: `dx: ${count}×${columns}, back`,
    bytes: floatBytes(2 * count * columns),
    prepare(memory) {
      const values = float32(uniforms(34, count * columns));
      const to = sliceOf(memory.room(range[1], columns), range);
      const from = memory.room(to.panels * LANES, range[1]);
      const wide = new Float32Array(from.rows * count);
      wide.set(turned(values, count, columns));
      memory.write(panelsFrom(from, 1), wide);
      const kernels = memory.kernels();
      return {
        run: () => kernels.transposeBack(to, from, range),
        outputs: [asBits(matrixOutput(memory, "back", to.own, values, EXACT))],
      };
    },
  };
}
