import { TILES } from "../src/wasm/tiles.ts";
import { KernelMemory } from "../test/support/kernel-memory.ts";
import type { Case } from "./cases/case.ts";
import { elementwiseCases } from "./cases/elementwise.ts";
import { moveCases } from "./cases/moves.ts";
import {
  backwardInputCase,
  backwardWeightCase,
  LAYERS,
  linearCase,
  type Model,
  updateCase,
} from "./cases/products.ts";
import { linearSparseCase, listCases, updateSparseCase } from "./cases/sparse.ts";
import { measure, type Timing } from "./measure.ts";
import { clockAfter, type Peak, peakAt } from "./peak.ts";
import { type Setting, SHAPE } from "./setting.ts";
import { digits3, microseconds, percent, type Table } from "./table.ts";

export interface KernelResult extends Timing {
  readonly kernel: string;
  readonly what: string;
  readonly big: boolean;
  readonly flops: number | null;
  readonly bytes: number;
  /** The clock right after a product, in cycles a second. */
  readonly clock: number | null;
}

/** About MNIST's. */
const MNIST_DENSITY = 0.19;

export function modelOf({ tile }: Setting): Model {
  return { batch: SHAPE.batch, tile: TILES[tile] };
}

/** Checks a kernel against its float64 twin, then times it. */
export async function measureCase(memory: KernelMemory, one: Case, setting: Setting): Promise<KernelResult> {
  memory.reset();
  const { run, check, settle } = one.prepare(memory);
  run();
  check();
  settle?.();
  const timing = await measure(run, setting.budget);
  const { kernel, what, bytes } = one;
  const clock = one.flops ? clockAfter(run) : null;
  return { kernel, what, bytes, big: one.big ?? false, flops: one.flops ?? null, clock, ...timing };
}

function allCases(model: Model): Case[] {
  const [fc1, heads, , fc4] = LAYERS;
  return [
    ...LAYERS.map((layer) => linearCase(layer, model)),
    ...LAYERS.slice(1).map((layer) => backwardInputCase(layer, model)),
    ...LAYERS.map((layer) => backwardWeightCase(layer, model)),
    ...[fc1!, heads!, fc4!].map((layer) => updateCase(layer, model)),
    linearSparseCase(fc1!, model, MNIST_DENSITY),
    updateSparseCase(fc1!, model, MNIST_DENSITY),
    ...listCases(fc1!, model, MNIST_DENSITY),
    ...elementwiseCases(model.batch),
    ...moveCases(model.batch),
  ];
}

/** Every kernel at the default model's shapes, operands where a step finds them: in the second-level cache. */
export async function benchKernels(setting: Setting): Promise<KernelResult[]> {
  const memory = new KernelMemory(setting.module, setting.build.shared);
  const results: KernelResult[] = [];
  for (const one of allCases(modelOf(setting))) results.push(await measureCase(memory, one, setting));
  return results;
}

export function kernelsTable(results: readonly KernelResult[], peak: Peak): Table {
  return {
    title: "Kernels, one thread, µs",
    note:
      "M×N×K; ● marks the five big products of a step, which counts fc1 dense. The sparse ones have 19 % that is not " +
      "zero, and count only that. Cycles: of what is possible at the clock right after the kernel.",
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
