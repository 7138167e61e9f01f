import { afterEach, describe, expect, test, vi } from "vitest";
import { MemoryLimitError } from "../../src/errors.ts";
import { Arena, allocateShared, growTo, type Plan, pagesOf } from "../../src/wasm/arena.ts";
import { ROW_BYTES, STATIC_BYTES } from "../../src/wasm/layout.ts";
import { listBytes, listEndBytes, roundUp } from "../../src/wasm/matrix.ts";

const PAGE = 65536;
const GIBIBYTE = 2 ** 30;

function planOf(sizes: Readonly<Record<string, number>>): Plan {
  const arena = new Arena();
  for (const [name, bytes] of Object.entries(sizes)) arena.region(name, bytes);
  return arena;
}

describe("a plan", () => {
  test("keeps the order in which it was asked, each region on a pair of cache lines of its own", () => {
    const { regions, end } = planOf({ parameters: 1000, empty: 0, batch: 64, data: 3 });
    expect(regions).toEqual([
      { name: "parameters", at: STATIC_BYTES, bytes: 1000 },
      { name: "empty", at: STATIC_BYTES + 1024, bytes: 0 },
      { name: "batch", at: STATIC_BYTES + 1024, bytes: 64 },
      { name: "data", at: STATIC_BYTES + 1024 + 128, bytes: 3 },
    ]);
    expect(end).toBe(STATIC_BYTES + 1024 + 2 * 128);
  });

  test("has room for all that was asked for", () => {
    expect(pagesOf(planOf({ one: PAGE - STATIC_BYTES }))).toBe(1);
    expect(pagesOf(planOf({ one: PAGE - STATIC_BYTES + 1 }))).toBe(2);
  });

  test("of nothing is empty", () => expect(planOf({}).end).toBe(STATIC_BYTES));

  test("has whole blocks of 16 rows in a matrix, and its panels in different cache sets", () => {
    for (const rows of [1, 15, 16, 17, 64, 128]) {
      const arena = new Arena();
      const [before, matrix] = [arena.region("before", 1), arena.matrix("x", rows, 3)];
      expect(matrix).toMatchObject({ at: before.at + 2 * ROW_BYTES, panels: 3 });
      expect(matrix.stride).toBeGreaterThan(roundUp(rows, 16) * ROW_BYTES);
      expect(matrix.stride % ROW_BYTES).toBe(0);
      expect(matrix.stride % 4096).not.toBe(0);
      expect(arena.regions.at(-1)).toEqual({ name: "x", at: matrix.at, bytes: 3 * matrix.stride });
    }
  });

  test("has room for every list of nonzeros, and for where their segments end", () => {
    const arena = new Arena();
    const lists = arena.nonzeros("rows of x", 5, 784);
    expect(lists).toMatchObject({ stride: listBytes(784), endStride: listEndBytes(784), length: 784 });
    expect(arena.regions).toEqual([
      { name: "rows of x, nonzeros", at: lists.at, bytes: 5 * lists.stride },
      { name: "rows of x, ends", at: lists.ends, bytes: 5 * lists.endStride },
    ]);
  });
});

describe("more than WebAssembly can have", () => {
  test("is refused with how much it is, what most of it is for, and how much there could be", () => {
    const tooMuch = () => pagesOf(planOf({ parameters: GIBIBYTE, data: 5 * GIBIBYTE }));
    expect(tooMuch).toThrow(MemoryLimitError);
    expect(tooMuch).toThrow(/at most 4,096 MiB.*a need of 6,145 MiB \(5,120 MiB of it for data\)/);
  });

  test("nothing is allocated to find that out", () => {
    const allocate = vi.spyOn(WebAssembly, "Memory");
    for (const data of [1e15, Number.POSITIVE_INFINITY, Number.NaN]) {
      expect(() => allocateShared(planOf({ data }))).toThrow(MemoryLimitError);
    }
    expect(allocate).not.toHaveBeenCalled();
    allocate.mockRestore();
  });

  test("begins where the last address would overflow", () => {
    const most = 65535 * PAGE - STATIC_BYTES;
    expect(pagesOf(planOf({ all: most }))).toBe(65535);
    expect(() => pagesOf(planOf({ all: most + 1 }))).toThrow(MemoryLimitError);
  });
});

describe("memory", () => {
  afterEach(() => vi.restoreAllMocks());

  test("shared, zeroed, of the plan's size", () => {
    const { buffer } = allocateShared(planOf({ a: 100_000 }));
    expect(buffer instanceof SharedArrayBuffer).toBe(true);
    expect(buffer.byteLength).toBe(2 * PAGE);
    expect(new Uint8Array(buffer).every((byte) => byte === 0)).toBe(true);
  });

  test("a module's own grows once and not back", () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    growTo(memory, planOf({ a: 3 * PAGE }));
    expect(memory.buffer.byteLength).toBe(4 * PAGE);
    growTo(memory, planOf({ a: 10 }));
    expect(memory.buffer.byteLength).toBe(4 * PAGE);
  });

  test("that the machine does not give is a plain sentence", () => {
    const plan = planOf({ a: 3 * GIBIBYTE });
    vi.spyOn(WebAssembly, "Memory").mockImplementation(function refuse() {
      throw new RangeError("could not allocate memory");
    });
    expect(() => allocateShared(plan)).toThrow(MemoryLimitError);
    expect(() => allocateShared(plan)).toThrow(
      /no more than the machine has free, found a need of 3,073 MiB/,
    );
  });

  test("that cannot grow so far is a plain sentence", () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
    expect(() => growTo(memory, planOf({ a: 10 * PAGE }))).toThrow(MemoryLimitError);
  });
});
