import { ENTRY_BYTES, LANES, ROW_BYTES, SEGMENT } from "../../src/wasm/layout.ts";
import { type Nonzeros, panelsOf, type Range, roundUp } from "../../src/wasm/matrix.ts";
import type { KernelMemory } from "../support/kernel-memory.ts";
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

function listsOutput(
  memory: KernelMemory,
  lists: Nonzeros,
  [from, to]: Range,
  numbers: (list: number) => readonly number[],
): Output {
  const { at, stride, ends, endStride } = lists;
  const flat = ({ ends, entries }: List) => [...ends, ...entries.flat()];
  const each = (list: (i: number) => List) =>
    Array.from({ length: to - from }, (_, i) => flat(list(from + i))).flat();
  const count = to - from;
  return {
    name: "lists",
    spans: [span(at + from * stride, count * stride), span(ends + from * endStride, count * endStride)],
    read: () => each((i) => readList(memory, lists, i)),
    expected: each((i) => listOf(numbers(i))),
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
  return caseOf("listRows", shape, (memory) => {
    const values = given ?? valuesOf(shape);
    const x = memory.putSlice(values, rows, k);
    const lists = memory.nonzeros(x.range[1], k);
    const kernels = memory.kernels();
    const row = (i: number) => Array.from(values.subarray((i - x.range[0]) * k, (i - x.range[0] + 1) * k));
    return {
      run: () => kernels.listRows(lists, x, x.range),
      outputs: [listsOutput(memory, lists, x.range, row)],
    };
  });
}

/** @param columns which, multiples of 4; all where nothing is said */
export function listColumns(shape: Sparse, columns?: Range, given?: Float32Array): Case {
  const { rows, k } = shape;
  return caseOf("listColumns", shape, (memory) => {
    const values = given ?? valuesOf(shape);
    const x = memory.putSlice(values, rows, k).own;
    const lists = memory.nonzeros(panelsOf(k) * LANES, rows);
    const kernels = memory.kernels();
    const range: Range = columns ?? [0, roundUp(k, LANES)];
    const column = (i: number) => Array.from({ length: rows }, (_, r) => (i < k ? values[r * k + i] : 0));
    return {
      run: () => kernels.listColumns(lists, x, rows, range),
      outputs: [listsOutput(memory, lists, range, column)],
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
