import { afterEach, describe, expect, test, vi } from "vitest";
import { MemoryLimitError } from "../../src/errors.ts";
import { allocateShared, growTo, type Plan, planMemory, roundUp } from "../../src/wasm/arena.ts";
import { STATIC_BYTES } from "../../src/wasm/kernels.ts";

const PAGE = 65536;
const GIBIBYTE = 2 ** 30;

describe("a plan", () => {
  const sizes = { parameters: 1000, empty: 0, batch: 64, data: 3 };
  const plan = planMemory(sizes);

  test("keeps the order of the table, each region on a cache line of its own", () => {
    expect(plan.at).toEqual({
      parameters: STATIC_BYTES,
      empty: STATIC_BYTES + 1024,
      batch: STATIC_BYTES + 1024,
      data: STATIC_BYTES + 1088,
    });
    for (const at of Object.values(plan.at)) expect(at % 64).toBe(0);
  });

  test("has room for all that was asked for", () => {
    expect(plan.sizes).toEqual(sizes);
    expect(plan.end).toBe(STATIC_BYTES + 1088 + 64);
    expect(plan.pages).toBe(1);
    expect(planMemory({ one: PAGE - STATIC_BYTES }).pages).toBe(1);
    expect(planMemory({ one: PAGE - STATIC_BYTES + 1 }).pages).toBe(2);
  });

  test("of nothing is empty", () => expect(planMemory({}).end).toBe(STATIC_BYTES));
});

describe("more than WebAssembly can have", () => {
  test("is refused with how much it is, what most of it is for, and how much there could be", () => {
    const tooMuch = () => planMemory({ parameters: GIBIBYTE, data: 5 * GIBIBYTE });
    expect(tooMuch).toThrow(MemoryLimitError);
    expect(tooMuch).toThrow(/needs 6,145 MiB of memory \(5,120 MiB of it for data\).*can have 4,096 MiB/);
  });

  test("nothing is allocated to find that out", () => {
    const allocate = vi.spyOn(WebAssembly, "Memory");
    expect(() => planMemory({ data: 1e15 })).toThrow(MemoryLimitError);
    expect(() => planMemory({ data: Number.POSITIVE_INFINITY })).toThrow(MemoryLimitError);
    expect(() => planMemory({ data: Number.NaN })).toThrow(MemoryLimitError);
    expect(allocate).not.toHaveBeenCalled();
    allocate.mockRestore();
  });

  test("begins where the last address would overflow", () => {
    const most = 65535 * PAGE - STATIC_BYTES;
    expect(planMemory({ all: most }).pages).toBe(65535);
    expect(() => planMemory({ all: most + 1 })).toThrow(MemoryLimitError);
  });
});

describe("memory", () => {
  afterEach(() => vi.restoreAllMocks());

  test("shared, zeroed, of the plan's size", () => {
    const { buffer } = allocateShared(planMemory({ a: 100_000 }));
    expect(buffer instanceof SharedArrayBuffer).toBe(true);
    expect(buffer.byteLength).toBe(2 * PAGE);
    expect(new Uint8Array(buffer).every((byte) => byte === 0)).toBe(true);
  });

  test("a module's own grows once and not back", () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    growTo(memory, planMemory({ a: 3 * PAGE }));
    expect(memory.buffer.byteLength).toBe(4 * PAGE);
    growTo(memory, planMemory({ a: 10 }));
    expect(memory.buffer.byteLength).toBe(4 * PAGE);
  });

  test("that the machine does not give is a plain sentence", () => {
    const plan: Plan<string> = planMemory({ a: 3 * GIBIBYTE });
    vi.spyOn(WebAssembly, "Memory").mockImplementation(function refuse() {
      throw new RangeError("could not allocate memory");
    });
    expect(() => allocateShared(plan)).toThrow(MemoryLimitError);
    expect(() => allocateShared(plan)).toThrow(/needs 3,073 MiB of memory, which the machine did not give/);
  });

  test("that cannot grow so far is a plain sentence", () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
    expect(() => growTo(memory, planMemory({ a: 10 * PAGE }))).toThrow(MemoryLimitError);
  });
});

test.each([
  [0, 16, 0],
  [1, 16, 16],
  [16, 16, 16],
  [17, 16, 32],
  [100, 64, 128],
])("%i rounded up to a multiple of %i is %i", (value, to, result) => expect(roundUp(value, to)).toBe(result));
