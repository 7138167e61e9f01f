import { KernelMemory } from "../test/support/kernel-memory.ts";
import { LAYERS, linearCase, updateCase } from "./cases/products.ts";
import { linearSparseCase, listCases, updateSparseCase } from "./cases/sparse.ts";
import { measureCase, modelOf } from "./kernels.ts";
import type { Setting } from "./setting.ts";
import { digits3, microseconds, percent, type Table } from "./table.ts";

const DENSITIES = [0.05, 0.1, 0.15, 0.19, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1] as const;
const QUICK_DENSITIES = [0.05, 0.19, 0.5, 1] as const;

/** Median seconds of the first layer's two products with a batch of this density; lists included where it is sparse. */
export interface BreakEven {
  readonly dense: { readonly forward: number; readonly update: number };
  readonly sparse: readonly { readonly density: number; readonly forward: number; readonly update: number }[];
}

/** The first layer by lists of what is not zero against the same by dense products. */
export async function benchBreakEven(setting: Setting): Promise<BreakEven> {
  const memory = new KernelMemory(setting.module, setting.build.shared);
  const model = modelOf(setting);
  const fc1 = LAYERS[0]!;
  const time = async (one: Parameters<typeof measureCase>[1]): Promise<number> =>
    (await measureCase(memory, one, setting)).median;
  const dense = { forward: await time(linearCase(fc1, model)), update: await time(updateCase(fc1, model)) };
  const sparse: { density: number; forward: number; update: number }[] = [];
  for (const density of setting.options.quick ? QUICK_DENSITIES : DENSITIES) {
    const [rows, columns] = listCases(fc1, model, density);
    const forward = (await time(rows!)) + (await time(linearSparseCase(fc1, model, density)));
    const update = (await time(columns!)) + (await time(updateSparseCase(fc1, model, density)));
    sparse.push({ density, forward, update });
  }
  return { dense, sparse };
}

/** The density at which both together take as long as the dense products, between the densities that were measured. */
export function breakEvenDensity({ dense, sparse }: BreakEven): number | undefined {
  const goal = dense.forward + dense.update;
  for (let i = 1; i < sparse.length; i++) {
    const [before, after] = [sparse[i - 1]!, sparse[i]!];
    const [low, high] = [before.forward + before.update, after.forward + after.update];
    if (low <= goal && high > goal) {
      return before.density + ((after.density - before.density) * (goal - low)) / (high - low);
    }
  }
  return undefined;
}

export function breakEvenTable(result: BreakEven): Table {
  const { dense, sparse } = result;
  const density = breakEvenDensity(result);
  const found = density ? `They take as long as the dense ones at ${percent(density)}.` : "";
  return {
    title: "The first layer by lists of what is not zero, lists included, against dense products",
    note: `128×400×784 forward, 784×400×128 with Adam backward. ${found}`.trim(),
    columns: ["not zero", "forward µs", "of dense", "update µs", "of dense", "both, of dense"],
    rows: [
      ...sparse.map(({ density, forward, update }) => [
        percent(density),
        microseconds(forward),
        `${digits3(forward / dense.forward)}×`,
        microseconds(update),
        `${digits3(update / dense.update)}×`,
        `${digits3((forward + update) / (dense.forward + dense.update))}×`,
      ]),
      ["dense products", microseconds(dense.forward), "1", microseconds(dense.update), "1", "1"],
    ],
  };
}
