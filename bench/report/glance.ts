import { breakEvenDensity } from "../break-even.ts";
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

function fromBench({ tiles, tile, kernels, breakEven, step, scaling, peak }: BenchResults): string[][] {
  const rows: string[][] = [];
  const own = tiles?.tiles.filter((one) => one.tile === tile) ?? [];
  if (own.length > 0) {
    const parts = own.map(({ gflopsMedian }) => (gflopsMedian * 1e9) / peak.flops);
    const range = `${percent(Math.min(...parts))} to ${percent(Math.max(...parts))}`;
    rows.push([`Micro-kernel ${tile} in the first-level cache, of the peak`, range]);
  }
  const big = kernels?.filter((one) => one.big) ?? [];
  if (big.length > 0) {
    const parts = big.map(({ flops, median }) => flops! / median / peak.flops);
    const range = `${percent(Math.min(...parts))} to ${percent(Math.max(...parts))}`;
    rows.push(["The five big products at their shapes, of the peak", range]);
  }
  const density = breakEven && breakEvenDensity(breakEven);
  if (density) rows.push(["Lists of what is not zero are faster below a density of", percent(density)]);
  for (const one of step ?? []) {
    rows.push([`Part of a step outside the five big products, ${one.data}`, percent(outsideProducts(one))]);
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
