import type { Machine } from "./machine.ts";
import { median } from "./measure.ts";
import { digits3, type Table } from "./table.ts";

/** What a program's line of JSON says. */
export interface PeerLine {
  readonly program: string;
  readonly version: string;
  readonly threads: number;
  /** Seconds and training loss (nats per image) of each epoch. */
  readonly epochs: readonly { readonly seconds: number; readonly loss: number }[];
  /** Steps of each epoch that were run where the whole would take minutes; its seconds are extrapolated. */
  readonly steps?: number;
}

/** One program in one setting, over all rounds. */
export interface PeerResult {
  readonly name: string;
  /** What it trains on: `mnist`, or noise of which nothing is zero. */
  readonly data: "mnist" | "dense";
  /** Whether it is Elbow, the baseline that all are held up against, or another. */
  readonly role: "elbow" | "elbow-older-node" | "baseline" | "peer";
  readonly version: string;
  readonly threads: number;
  /** Seconds of the last epoch of each round. */
  readonly seconds: readonly number[];
  readonly loss: number;
  readonly steps?: number | undefined;
}

/** What `npm run bench:peers` writes. */
export interface PeerResults {
  readonly machine: Machine;
  readonly rounds: number;
  readonly epochs: number;
  /** The machine's load just before: above a few tenths, others were at work. */
  readonly load: number;
  readonly results: readonly PeerResult[];
  /** What was left out: not installed, and how to, or failed, and how. */
  readonly skipped: readonly { readonly name: string; readonly why: string }[];
}

function find(
  results: readonly PeerResult[],
  role: PeerResult["role"],
  data: PeerResult["data"],
  threads: number,
): PeerResult | undefined {
  return results.find((one) => one.role === role && one.data === data && one.threads === threads);
}

/** How long it takes against fast PyTorch on the same data and as many threads. */
export function againstPyTorch(results: readonly PeerResult[], one: PeerResult): number {
  const baseline = find(results, "baseline", one.data, one.threads);
  return baseline ? median(one.seconds) / median(baseline.seconds) : Number.NaN;
}

/** How long Elbow takes against it: on as many threads as fast PyTorch has, on all where the other cannot choose. */
export function elbowAgainst(results: readonly PeerResult[], one: PeerResult): number {
  const most = Math.max(...results.filter(({ role }) => role === "elbow").map(({ threads }) => threads));
  const elbow = find(results, "elbow", one.data, one.role === "baseline" ? one.threads : most);
  return elbow && one.role !== "elbow" ? median(elbow.seconds) / median(one.seconds) : Number.NaN;
}

function times(ratio: number): string {
  return Number.isFinite(ratio) ? `${digits3(ratio)}×` : "–";
}

export function peersTable({ results, rounds, epochs }: PeerResults): Table {
  const extrapolated = results.filter(({ steps }) => steps !== undefined);
  const some = extrapolated.map(({ name, steps }) => `${name} from ${steps} steps`).join(", ");
  return {
    title: "The same training in other programs",
    note:
      `784-400-2, batch 128, Adam 1e-3, 60 000 images: seconds of epoch ${epochs} of each run, ${rounds} rounds in turn. ` +
      `The loss is that epoch's.${some ? ` Extrapolated: ${some}; their loss is of those steps.` : ""}`,
    columns: ["program", "data", "threads", "median s", "min", "max", "of PyTorch", "Elbow takes", "loss"],
    rows: results.map((one) => [
      one.name,
      one.data,
      String(one.threads),
      digits3(median(one.seconds)),
      digits3(Math.min(...one.seconds)),
      digits3(Math.max(...one.seconds)),
      times(againstPyTorch(results, one)),
      times(elbowAgainst(results, one)),
      one.loss.toFixed(2),
    ]),
  };
}

export function versionsTable({ results }: PeerResults): Table {
  const versions = new Map(results.map(({ name, version }) => [name, version]));
  return { title: "Versions", columns: ["program", ""], rows: [...versions] };
}
