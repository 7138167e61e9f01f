import { Bench } from "tinybench";

/** How long something took, in seconds a call. */
export interface Timing {
  readonly min: number;
  readonly median: number;
  /** Calls that were timed. */
  readonly calls: number;
}

/** How long to measure one thing, in ms. */
export interface Budget {
  readonly time: number;
  readonly warmup: number;
}

/** A sample is at least this long, in ms, so that reading the clock does not count. */
const LEAST_SAMPLE = 0.05;

/** Calls that make up a sample. The first ones run baseline code and do not count. */
function callsASample(run: () => void, warmup: number): number {
  const end = performance.now() + warmup / 2;
  let best = Number.POSITIVE_INFINITY;
  do {
    const start = performance.now();
    for (let i = 0; i < 8; i++) run();
    best = Math.min(best, (performance.now() - start) / 8);
  } while (performance.now() < end);
  return Math.max(1, Math.ceil(LEAST_SAMPLE / Math.max(best, 1e-6)));
}

/** Times a call after warming it up. */
export async function measure(run: () => void, { time, warmup }: Budget): Promise<Timing> {
  const calls = callsASample(run, warmup);
  const bench = new Bench({
    time,
    iterations: 16,
    warmupTime: warmup / 2,
    warmupIterations: 4,
    throws: true,
  });
  bench.add("run", () => {
    for (let i = 0; i < calls; i++) run();
  });
  const [task] = await bench.run();
  const result = task?.result;
  if (!result || !("latency" in result)) throw new Error("the benchmark did not complete");
  const { min, p50, samplesCount } = result.latency;
  return { min: min / calls / 1000, median: p50 / calls / 1000, calls: samplesCount * calls };
}

/** The median of a few numbers. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
