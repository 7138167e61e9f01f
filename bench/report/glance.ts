import { breakEvenDensity } from "../break-even.ts";
import { type Peak, peakAt } from "../peak.ts";
import { againstPyTorch, elbowAgainst, type PeerResult, type PeerResults } from "../peer-results.ts";
import type { BenchResults } from "../results.ts";
import { speedup } from "../scaling.ts";
import { outsideProducts } from "../step-table.ts";
import { digits3, percent, type Table } from "../table.ts";

function fromPeers({ results }: PeerResults): string[][] {
  const threads = (count: number): string => `${count} thread${count === 1 ? "" : "s"}`;
  const own = results.filter(({ role }) => role === "elbow" || role === "elbow-older-node");
  const others = results.filter(({ role }) => role === "peer");
  const row = (one: PeerResult, ratio: number, than: string): string[] => [
    `${one.role === "peer" ? "Elbow" : one.name} on ${one.data === "dense" ? "dense data" : "MNIST"}, time of an epoch ${than}`,
    `${digits3(ratio)}×`,
  ];
  return [
    ...own.map((one) =>
      row(one, againstPyTorch(results, one), `against fast PyTorch, ${threads(one.threads)} each`),
    ),
    ...others.map((one) => row(one, elbowAgainst(results, one), `against ${one.name}`)),
  ];
}

/** From the worst to the best, of the peak, and of the cycles that the core had. */
function ranges(speeds: readonly { readonly flops: number; readonly clock: number }[], peak: Peak): string[] {
  const range = (parts: readonly number[]): string =>
    `${percent(Math.min(...parts))} to ${percent(Math.max(...parts))}`;
  const ofPeak = range(speeds.map(({ flops }) => flops / peak.flops));
  const ofCycles = range(speeds.map(({ flops, clock }) => flops / peakAt(clock, peak)));
  return [`${ofPeak}; of cycles ${ofCycles}`];
}

function fromBench({ tiles, tile, kernels, breakEven, step, scaling, peak }: BenchResults): string[][] {
  const rows: string[][] = [];
  const own = tiles?.filter((one) => one.tile === tile) ?? [];
  if (own.length > 0) {
    const speeds = own.map(({ gflopsMedian, clock }) => ({ flops: gflopsMedian * 1e9, clock }));
    rows.push([`Micro-kernel ${tile} in the first-level cache, of the peak`, ...ranges(speeds, peak)]);
  }
  const big = kernels?.filter((one) => one.big) ?? [];
  if (big.length > 0) {
    const speeds = big.map(({ flops, median, clock }) => ({ flops: flops! / median, clock: clock! }));
    rows.push(["The five big products at their shapes, of the peak", ...ranges(speeds, peak)]);
  }
  const density = breakEven && breakEvenDensity(breakEven);
  if (density) rows.push(["Products from nonzeros are faster below a density of", percent(density)]);
  for (const one of step ?? []) {
    rows.push([
      `Part of a step outside the five big products and their lists, ${one.data}`,
      percent(outsideProducts(one)),
    ]);
  }
  for (const one of scaling ?? []) {
    if (one.workers === 1) continue;
    rows.push([`${one.workers} workers against one, ${one.data}`, `${digits3(speedup(scaling!, one))}×`]);
  }
  return rows;
}

/** The figures that matter most, one a row. */
export function glanceTable(bench: BenchResults | undefined, peers: PeerResults | undefined): Table {
  const rows = [...(peers ? fromPeers(peers) : []), ...(bench ? fromBench(bench) : [])];
  return { title: "At a glance", columns: ["", "measured"], rows };
}
