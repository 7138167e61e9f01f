import { type BenchData, noise } from "./data.ts";
import { median } from "./measure.ts";
import { type Setting, SHAPE } from "./setting.ts";
import { digits3, percent, type Table } from "./table.ts";
import { startTraining } from "./training.ts";

export interface ScalingResult {
  readonly data: string;
  readonly workers: number;
  readonly seconds: readonly number[];
  readonly loss: number;
}

/** Epochs with 1 … all workers, in turn, so that all meet the same weather. */
export async function benchScaling(
  setting: Setting,
  data: BenchData,
  cores: number,
): Promise<ScalingResult[]> {
  const rounds = setting.options.quick ? 2 : 7;
  const dense = { name: "noise", train: noise(data.train.count, SHAPE.inputDim) };
  const results: ScalingResult[] = [];
  for (const { name, train } of [data, dense]) {
    const workers = Array.from({ length: cores }, (_, i) => i + 1);
    const seconds = workers.map((): number[] => []);
    const losses = workers.map(() => 0);
    for (let round = 0; round < rounds; round++) {
      for (const [i, count] of workers.entries()) {
        const training = await startTraining({ inputDim: SHAPE.inputDim }, train, { workers: count });
        const { seconds: taken, loss } = await training.epoch();
        training.dispose();
        seconds[i]!.push(taken);
        losses[i] = loss;
      }
    }
    results.push(
      ...workers.map((count, i) => ({ data: name, workers: count, seconds: seconds[i]!, loss: losses[i]! })),
    );
  }
  return results;
}

/** How many times as fast as one worker, by medians. */
export function speedup(results: readonly ScalingResult[], { data, seconds }: ScalingResult): number {
  const one = results.find((result) => result.data === data && result.workers === 1);
  return one ? median(one.seconds) / median(seconds) : Number.NaN;
}

export function scalingTable(results: readonly ScalingResult[]): Table {
  return {
    title: "Workers",
    note: "The second epoch of each run, its training part; runs with 1, 2, … workers take turns. The loss is the same to the bit.",
    columns: ["data", "workers", "s/epoch median", "min", "against one", "efficiency", "loss"],
    rows: results.map((result) => {
      const { data, workers, seconds, loss } = result;
      const times = speedup(results, result);
      return [
        data,
        String(workers),
        digits3(median(seconds)),
        digits3(Math.min(...seconds)),
        `${digits3(times)}×`,
        percent(times / workers),
        loss.toFixed(4),
      ];
    }),
  };
}
