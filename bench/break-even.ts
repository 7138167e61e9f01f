import { layersOf } from "../test/cases/all.ts";
import { linear, linearSparse } from "../test/cases/products.ts";
import { listColumns, listRows } from "../test/cases/sparse.ts";
import { linearUpdate, linearUpdateSparse } from "../test/cases/updates.ts";
import { measureCase, openMemory } from "./kernels.ts";
import { type Setting, SHAPE } from "./setting.ts";
import { digits3, microseconds, percent, type Table } from "./table.ts";

const DENSITIES = [0.05, 0.1, 0.15, 0.19, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1] as const;
const QUICK_DENSITIES = [0.05, 0.19, 0.5, 1] as const;

/** Median seconds of the first layer's two products with a batch of this density; lists included where it is sparse. */
export interface BreakEven {
  readonly dense: { readonly forward: number; readonly update: number };
  readonly sparse: readonly { readonly density: number; readonly forward: number; readonly update: number }[];
}

/** The first layer from its nonzeros against the same by dense products. */
export async function benchBreakEven(setting: Setting): Promise<BreakEven> {
  const memory = openMemory(setting);
  const { fc1 } = layersOf(SHAPE);
  const time = async (...cases: Parameters<typeof measureCase>[1][]): Promise<number> => {
    let seconds = 0;
    for (const one of cases) seconds += (await measureCase(memory, one, setting)).time.median;
    return seconds;
  };
  const dense = { forward: await time(linear(fc1, "relu")), update: await time(linearUpdate(fc1)) };
  const sparse: { density: number; forward: number; update: number }[] = [];
  for (const density of setting.options.quick ? QUICK_DENSITIES : DENSITIES) {
    const layer = { ...fc1, density };
    const forward = await time(listRows(layer), linearSparse(layer, "relu"));
    const update = await time(listColumns(layer), linearUpdateSparse(layer));
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
    title: "The first layer from the nonzeros of its input, listing them included, against dense products",
    note: `128×400×784 forward, 784×400×128 with Adam backward. ${found}`.trim(),
    columns: ["nonzeros", "forward µs", "of dense", "update µs", "of dense", "both, of dense"],
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
