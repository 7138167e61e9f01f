import { allCases } from "../test/cases/all.ts";
import { type Case, checkJob, type Result } from "../test/cases/case.ts";
import { AS_IN_TRAINING, KernelMemory } from "../test/support/kernel-memory.ts";
import { measure, type Timing } from "./measure.ts";
import { clockAfter, type Peak, peakAt } from "./peak.ts";
import { type Setting, SHAPE } from "./setting.ts";
import { digits3, microseconds, percent, type Table } from "./table.ts";

/** The kernels of the default model, which the tests check at the edges, at its own sizes. */
export const CASES: readonly Case[] = allCases(SHAPE);

/** A kernel's time, operands where a step finds them: in the second-level cache. */
export interface KernelTime extends Timing {
  readonly kernel: string;
  readonly what: string;
  readonly flops: number | null;
  readonly bytes: number;
}

export interface KernelResult extends KernelTime {
  /** Whether it is one of a step's five big products. */
  readonly big: boolean;
  /** The clock right after a product, in cycles a second. */
  readonly clock: number | null;
}

/** A memory for cases that are timed. */
export function openMemory({ module, build }: Pick<Setting, "module" | "build">): KernelMemory {
  return new KernelMemory(module, build.shared, AS_IN_TRAINING);
}

/** Compares a kernel with its float64 twin, then times it. */
export async function measureCase(
  memory: KernelMemory,
  one: Case,
  { tile, budget }: Pick<Setting, "tile" | "budget">,
): Promise<{ time: KernelTime; results: readonly Result[]; run: () => void }> {
  memory.reset();
  const job = one.prepare(memory, tile);
  const results = checkJob(memory, one, job);
  job.settle?.();
  const { kernel, what, bytes, flops = null } = one;
  const run = () => job.run();
  return { time: { kernel, what, bytes, flops, ...(await measure(run, budget)) }, results, run };
}

const DENSE_PRODUCTS = new Set(["linear", "linearBackwardInput", "linearBackwardWeight"]);
const BIG_FLOPS = 1e7;

export async function benchKernels(setting: Setting): Promise<KernelResult[]> {
  const memory = openMemory(setting);
  const measured: KernelResult[] = [];
  for (const one of CASES) {
    const { time, run } = await measureCase(memory, one, setting);
    const big = DENSE_PRODUCTS.has(one.kernel) && (one.flops ?? 0) > BIG_FLOPS;
    measured.push({ ...time, big, clock: one.flops ? clockAfter(run) : null });
  }
  return measured;
}

export function kernelsTable(results: readonly KernelResult[], peak: Peak): Table {
  return {
    title: "Kernels, one thread, µs",
    note:
      "M×N×K; ● marks the five big products of a step, which counts fc1 dense. The sparse ones have 19 % nonzeros, and " +
      "count only those. Cycles: of what is possible at the clock right after the kernel.",
    columns: ["kernel", "", "median", "min", "GFLOP/s", "of peak", "cycles", "GB/s"],
    rows: results.map(({ kernel, what, big, flops, bytes, median, min, clock }) => [
      `${big ? "● " : ""}${kernel}`,
      what,
      microseconds(median),
      microseconds(min),
      flops ? digits3(flops / median / 1e9) : "–",
      flops ? percent(flops / median / peak.flops) : "–",
      flops && clock ? percent(flops / median / peakAt(clock, peak)) : "–",
      digits3(bytes / median / 1e9),
    ]),
  };
}
