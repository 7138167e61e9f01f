import { checkConfig } from "../src/model/config.ts";
import { type BenchData, firstRows, noise } from "./data.ts";
import { flopsPerRow } from "./flops.ts";
import { median } from "./measure.ts";
import { type Setting, SHAPE } from "./setting.ts";
import { digits3, percent, type Table } from "./table.ts";
import { startTraining } from "./training.ts";

export interface SweepPoint {
  readonly data: string;
  readonly batch: number;
  readonly hidden: number;
  readonly latent: number;
  /** Seconds of an epoch of 60 000 rows, extrapolated from `rows`. */
  readonly seconds: number;
  readonly rows: number;
  /** Multiplications and additions of the products, zeros included, a second. */
  readonly flops: number;
}

const BATCHES = [32, 64, 128, 256, 512, 1024] as const;
const HIDDEN = [100, 200, 400, 800, 2000] as const;
const LATENT = [2, 10, 20, 50] as const;

const EPOCH_ROWS = 60_000;

interface Choice {
  readonly batch: number;
  readonly hidden: number;
  readonly latent: number;
}

/** One thing varies at a time, around the default. */
function choices(): Choice[] {
  const base = { batch: SHAPE.batch, hidden: SHAPE.hidden, latent: SHAPE.latentDim };
  const all = [
    ...BATCHES.map((batch): Choice => ({ ...base, batch })),
    ...HIDDEN.map((hidden): Choice => ({ ...base, hidden })),
    ...LATENT.map((latent): Choice => ({ ...base, latent })),
  ];
  return [...new Map(all.map((choice) => [JSON.stringify(choice), choice])).values()];
}

/** Batch sizes, hidden sizes and latent sizes, with the data given and with data of which nothing is zero. */
export async function benchSweep(setting: Setting, data: BenchData, cores: number): Promise<SweepPoint[]> {
  const { quick } = setting.options;
  const rows = quick ? 2048 : 12_288;
  const epochs = quick ? 1 : 5;
  const dense = { name: "noise", train: noise(rows, SHAPE.inputDim) };
  const points: SweepPoint[] = [];
  for (const { name, train } of [data, dense]) {
    const some = firstRows(train, rows);
    for (const { batch, hidden, latent } of choices()) {
      const config = { inputDim: SHAPE.inputDim, hidden: [hidden], latentDim: latent };
      const training = await startTraining(config, some, { workers: cores, batchSize: batch });
      const taken: number[] = [];
      for (let i = 0; i < epochs; i++) taken.push((await training.epoch()).seconds);
      training.dispose();
      const perRow = median(taken) / some.count;
      const flops = flopsPerRow(checkConfig(config)) / perRow;
      points.push({
        data: name,
        batch,
        hidden,
        latent,
        seconds: perRow * EPOCH_ROWS,
        rows: some.count,
        flops,
      });
    }
  }
  return points;
}

export function sweepTable(points: readonly SweepPoint[], peak: number, cores: number): Table {
  return {
    title: `Sizes, ${cores} workers`,
    note:
      `Seconds of an epoch of ${EPOCH_ROWS} rows, extrapolated from epochs of ${points[0]?.rows ?? 0}. GFLOP/s count every ` +
      "product as dense, so that sparse data can pass the peak.",
    columns: ["data", "batch", "hidden", "latent", "s/epoch", "GFLOP/s", "of all cores' peak"],
    rows: points.map(({ data, batch, hidden, latent, seconds, flops }) => [
      data,
      String(batch),
      String(hidden),
      String(latent),
      digits3(seconds),
      digits3(flops / 1e9),
      percent(flops / (peak * cores)),
    ]),
  };
}
