import { ENTRY_BYTES, LANES, ROW_BYTES, SEGMENT } from "../../src/wasm/layout.ts";
import { type Nonzeros, panelsOf, type Range, roundUp } from "../../src/wasm/matrix.ts";
import type { Numbers } from "../reference/matmul.ts";
import type { KernelMemory } from "../support/kernel-memory.ts";
import { once } from "../support/once.ts";
import { type Case, floatBytes, type List, type Output, readList, returned, span } from "./case.ts";
import { type Shape, scattered, shapeText } from "./products.ts";

/** x [rows, k] with a part that is not zero. */
type Sparse = Pick<Shape, "name" | "rows" | "k" | "density">;

function valuesOf({ rows, k, density = 1 }: Sparse): Float32Array {
  return scattered(rows, k, density);
}

/** What a list of these numbers is: those that are not zero, each with the offset of its row of the other operand. */
function listOf(values: readonly number[]): List {
  const entries = values.flatMap((value, i) => (value === 0 ? [] : [[i * ROW_BYTES, value] as const]));
  const segments = Array.from({ length: Math.ceil(values.length / SEGMENT) + 1 }, (_, i) => i * SEGMENT);
  // the last segment ends with the list
  const ends = segments.map(
    (place) => entries.filter(([offset]) => offset < Math.min(place, values.length) * ROW_BYTES).length,
  );
  return { ends, entries };
}

/** All numbers of some lists. */
function flat(count: number, list: (i: number) => List): number[] {
  return Array.from({ length: count }, (_, i) => list(i)).flatMap(({ ends, entries }) => [
    ...ends,
    ...entries.flat(),
  ]);
}

function listsOutput(memory: KernelMemory, lists: Nonzeros, [from, to]: Range, expected: Numbers): Output {
  const { at, stride, ends, endStride } = lists;
  const count = to - from;
  return {
    name: "lists",
    spans: [span(at + from * stride, count * stride), span(ends + from * endStride, count * endStride)],
    read: () => flat(count, (i) => readList(memory, lists, from + i)),
    expected,
    closeness: { rtol: 0, atol: 0 },
  };
}

function caseOf(kernel: string, shape: Sparse, prepare: Case["prepare"]): Case {
  const { rows, k, density = 1 } = shape;
  return {
    kernel,
    what: shapeText({ ...shape, n: 0 }, rows, k),
    bytes: floatBytes(rows * k) + rows * k * density * ENTRY_BYTES,
    prepare,
  };
}

export function listRows(shape: Sparse, given?: Float32Array): Case {
  const { rows, k } = shape;
  const made = once(() => {
    const values = given ?? valuesOf(shape);
    const row = (i: number) => Array.from(values.subarray(i * k, (i + 1) * k));
    return { values, expected: flat(rows, (i) => listOf(row(i))) };
  });
  return caseOf("listRows", shape, (memory) => {
    const { values, expected } = made();
    const x = memory.putSlice(values, rows, k);
    const lists = memory.nonzeros(x.range[1], k);
    const kernels = memory.kernels();
    return {
      run: () => kernels.listRows(lists, x, x.range),
      outputs: [listsOutput(memory, lists, x.range, expected)],
    };
  });
}

/** @param columns which, multiples of 4; all where nothing is said */
export function listColumns(shape: Sparse, columns?: Range, given?: Float32Array): Case {
  const { rows, k } = shape;
  const range: Range = columns ?? [0, roundUp(k, LANES)];
  const made = once(() => {
    const values = given ?? valuesOf(shape);
    const column = (i: number) => Array.from({ length: rows }, (_, r) => (i < k ? values[r * k + i] : 0));
    return { values, expected: flat(range[1] - range[0], (i) => listOf(column(range[0] + i))) };
  });
  return caseOf("listColumns", shape, (memory) => {
    const { values, expected } = made();
    const x = memory.putSlice(values, rows, k).own;
    const lists = memory.nonzeros(panelsOf(k) * LANES, rows);
    const kernels = memory.kernels();
    return {
      run: () => kernels.listColumns(lists, x, rows, range),
      outputs: [listsOutput(memory, lists, range, expected)],
    };
  });
}

export function countEntries(shape: Sparse, given?: Float32Array): Case {
  const { rows, k } = shape;
  return {
    ...caseOf("countEntries", shape, (memory) => {
      const values = given ?? valuesOf(shape);
      const x = memory.putSlice(values, rows, k);
      const lists = memory.listRows(x);
      const kernels = memory.kernels();
      let found = Number.NaN;
      return {
        run() {
          found = kernels.countNonzeros(lists, x.range);
        },
        outputs: [returned("nonzeros", () => found, values.filter((value) => value !== 0).length)],
      };
    }),
    bytes: floatBytes(rows),
  };
}
