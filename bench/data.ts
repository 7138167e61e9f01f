import type { Rows, Split } from "../src/data/dataset.ts";
import { loadDataset } from "../src/data/load-node.ts";
import type { Options } from "./options.ts";

/** The rows to train on, and what they are called. */
export interface BenchData {
  readonly name: string;
  readonly train: Split;
}

export async function loadData({ data, dataDir }: Options): Promise<BenchData> {
  const { name, train } = await loadDataset(data, { dataDir });
  return { name, train };
}

/** The first rows only. */
export function firstRows({ values, count, dim }: Rows, rows: number): Rows {
  const some = Math.min(rows, count);
  return { values: values.subarray(0, some * dim), count: some, dim };
}

/** Bytes 1 to 255: nothing is zero. */
export function noise(count: number, dim: number): Rows {
  const values = new Uint8Array(count * dim);
  let state = 1;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = 1 + ((state >>> 16) % 255);
  }
  return { values, count, dim };
}
