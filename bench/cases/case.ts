import type { KernelMemory, Panels } from "../../test/support/kernel-memory.ts";

/** A kernel at one shape, ready to be checked and then timed. */
export interface Case {
  /** The kernel's name. */
  readonly kernel: string;
  /** What it does in the model. */
  readonly what: string;
  /** Floating-point operations of a product; absent where counting them says little. */
  readonly flops?: number | undefined;
  /** Bytes that it must read and write at least. */
  readonly bytes: number;
  /** Whether it is one of the step's five big products. */
  readonly big?: boolean | undefined;
  /** Fills the memory; `run` is called once before `check`, which throws where the result is wrong. */
  prepare(memory: KernelMemory): { run(): void; check(): void; settle?(): void };
}

/** The rows that stand between panels in training (model/regions.ts). */
export const SLACK = 4;

export const FLOAT_BYTES = 4;

export function bytesOf(...counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0) * FLOAT_BYTES;
}

/** Throws where an element is further from what it should be than its bound. */
export function expectClose(
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
  bound: ArrayLike<number> | number,
): void {
  for (let i = 0; i < expected.length; i++) {
    const most = typeof bound === "number" ? bound : bound[i]!;
    if (!(Math.abs(found[i]! - expected[i]!) <= most)) {
      throw new Error(
        `a wrong kernel is not timed: element ${i} is ${found[i]}, expected ${expected[i]} ± ${most}`,
      );
    }
  }
}

/** Two matrices of the same shape must hold the same floats. */
export function expectSame(memory: KernelMemory, found: Panels, expected: Panels): void {
  expectClose(memory.get(found), memory.get(expected), 0);
}
