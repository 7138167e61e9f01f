import { LANES, listBytes, listEndBytes } from "../../src/wasm/kernels.ts";
import type { KernelMemory, Panels } from "./kernel-memory.ts";

/** Lists of what is not zero in a memory, each of up to `length` entries. */
export interface ListRoom {
  readonly at: number;
  readonly stride: number;
  readonly ends: number;
  readonly endStride: number;
  readonly length: number;
}

function listRoom(memory: KernelMemory, lists: number, length: number): ListRoom {
  const stride = listBytes(length);
  const endStride = listEndBytes(length);
  return {
    at: memory.allocate(lists * stride),
    stride,
    ends: memory.allocate(lists * endStride),
    endStride,
    length,
  };
}

/** The lists of all rows of x. */
export function listRows(memory: KernelMemory, x: Panels): ListRoom {
  const room = listRoom(memory, x.rows, x.columns);
  const { at, stride, ends, endStride } = room;
  memory.kernels.listRows(at, stride, ends, endStride, x.at, x.stride, x.rows, x.columns);
  return room;
}

/** The lists of columns first ≤ column < last of x, and room for those of all. */
export function listColumns(memory: KernelMemory, x: Panels, first = 0, last = x.panels * LANES): ListRoom {
  const room = listRoom(memory, x.panels * LANES, x.rows);
  const { at, stride, ends, endStride } = room;
  memory.kernels.listColumns(at, stride, ends, endStride, x.at, x.stride, x.rows, first, last);
  return room;
}

/** Where the segments of a list end, in entries: the first number is 0, the last says how many there are. */
export function endsOf(memory: KernelMemory, { ends, endStride }: ListRoom, index: number): number[] {
  return Array.from(memory.words(ends + index * endStride, endStride / 4), (bytes) => bytes / 8);
}

/** The entries of a list, [offset, value] each. */
export function entriesOf(memory: KernelMemory, room: ListRoom, index: number): number[][] {
  const count = endsOf(memory, room, index).at(-1)!;
  const from = room.at + index * room.stride;
  const words = memory.words(from, count * 2);
  const floats = memory.floats(from, count * 2);
  return Array.from({ length: count }, (_, i) => [words[2 * i], floats[2 * i + 1]]);
}
