import { type Plan, roundUp } from "../wasm/arena.ts";
import { LANES, listBytes, listEndBytes, panelsOf, ROW_BYTES } from "../wasm/kernels.ts";
import type { VaeConfig } from "./config.ts";

/** A matrix of activations in memory: panels of 16 columns, `stride` bytes apart. */
export interface Matrix {
  readonly at: number;
  readonly stride: number;
  readonly panels: number;
}

/** What a network is for decides what it needs room for. */
export interface NetworkUse {
  /** Rows that it works on at once. */
  readonly capacity: number;
  /** Whether gradients are wanted, too. */
  readonly training: boolean;
  /** Whether the rows of data are mostly zeros, so that the first layer may work on lists of what is not zero. */
  readonly sparse: boolean;
  /** Whether what a ReLU leaves is given to wide layers as lists, too; it is about half. */
  readonly listHidden: boolean;
}

/** Every matrix's columns. The encoder's output is two halves, μ and log σ², each padded to whole panels. */
function widths({ inputDim, hidden, latentDim }: VaeConfig): Readonly<Record<string, number>> {
  const latent = panelsOf(latentDim) * LANES;
  return {
    x: inputDim,
    ...Object.fromEntries(hidden.map((n, i) => [`encoder.${i}`, n])),
    heads: 2 * latent,
    eps: latent,
    z: latent,
    ...Object.fromEntries(hidden.toReversed().map((n, i) => [`decoder.${i}`, n])),
    out: inputDim,
  };
}

/** Matrices without a gradient of their own: x and ε need none, and out is overwritten by its own. */
const WITHOUT_GRADIENT: ReadonlySet<string> = new Set(["x", "eps", "out"]);

/** The panels of the widest matrix. */
export function widestPanels(config: VaeConfig): number {
  return Math.max(...Object.values(widths(config)).map(panelsOf));
}

/** Rows are kept apart from the next panel by this many, so that panels do not all fall into the same cache sets. */
const STAGGER = 4;

function strideOf(capacity: number): number {
  return (roundUp(capacity, LANES) + STAGGER) * ROW_BYTES;
}

/** Narrower layers than this gain nothing from lists: making them costs as much as the product. */
const WIDE_PANELS = 5;

/** Matrices that are given to their layer as lists, too, with their columns. What is used is seen step by step. */
function listed(
  config: VaeConfig,
  { training, sparse, listHidden }: NetworkUse,
): readonly [string, number][] {
  const { hidden, activation, inputDim } = config;
  const relu = training && activation === "relu" && listHidden;
  const chain = (side: string, widths: readonly number[], next: readonly number[]): [string, number][] =>
    widths.flatMap((k, i) => (panelsOf(next[i]) < WIDE_PANELS ? [] : [[`${side}.${i}`, k]]));
  const down = hidden.toReversed();
  return [
    ...(sparse ? [["x", inputDim] as [string, number]] : []),
    ...(relu ? chain("encoder", hidden, [...hidden.slice(1), widths(config).heads]) : []),
    ...(relu ? chain("decoder", down, [...down.slice(1), inputDim]) : []),
  ];
}

/** Room for what is not zero in a matrix, by row and by column: see assembly/lists.ts. */
export interface Lists {
  readonly rows: number;
  readonly rowStride: number;
  readonly rowEnds: number;
  readonly rowEndStride: number;
  readonly columns: number;
  readonly columnStride: number;
  readonly columnEnds: number;
  readonly columnEndStride: number;
}

const LIST_REGIONS = ["rows", "rowEnds", "columns", "columnEnds"] as const;

/** "row ends of x" */
function listRegion(region: (typeof LIST_REGIONS)[number], name: string): string {
  return `${region.replace("Ends", " ends")} of ${name}`;
}

function listSizes(
  k: number,
  { capacity, training }: NetworkUse,
): Record<(typeof LIST_REGIONS)[number], number> {
  const rows = roundUp(capacity, LANES);
  const columns = training ? roundUp(k, LANES) : 0;
  return {
    rows: rows * listBytes(k),
    rowEnds: rows * listEndBytes(k),
    columns: columns * listBytes(rows),
    columnEnds: columns * listEndBytes(rows),
  };
}

/** The lists of a matrix of k columns, where networkRegions has planned some. */
export function listsAt(plan: Plan<string>, name: string, k: number, capacity: number): Lists | undefined {
  if (!(listRegion("rows", name) in plan.at)) return undefined;
  const rows = roundUp(capacity, LANES);
  const at = Object.fromEntries(LIST_REGIONS.map((region) => [region, plan.at[listRegion(region, name)]]));
  return {
    ...(at as Record<(typeof LIST_REGIONS)[number], number>),
    rowStride: listBytes(k),
    rowEndStride: listEndBytes(k),
    columnStride: listBytes(rows),
    columnEndStride: listEndBytes(rows),
  };
}

/** The regions of memory that a network needs, in bytes. */
export function networkRegions(config: VaeConfig, use: NetworkUse): Record<string, number> {
  const { capacity, training } = use;
  const stride = strideOf(capacity);
  const rows = roundUp(capacity, LANES);
  const sizes = Object.entries(widths(config)).map(([name, n]) => [name, panelsOf(n) * stride] as const);
  const transposed = widestPanels(config) * rows * ROW_BYTES;
  return {
    ...Object.fromEntries(sizes),
    reconstruction: rows * 8,
    kl: rows * 8,
    scratch: rows * 2 * ROW_BYTES,
    ...Object.fromEntries(
      listed(config, use).flatMap(([name, k]) => {
        const sizes = listSizes(k, use);
        return LIST_REGIONS.map((region) => [listRegion(region, name), sizes[region]]);
      }),
    ),
    ...(training && {
      weights: rows * 4,
      ...Object.fromEntries(
        sizes.filter(([name]) => !WITHOUT_GRADIENT.has(name)).map(([name, size]) => [`d ${name}`, size]),
      ),
      "dy transposed": transposed,
      "dx transposed": transposed,
    }),
  };
}

/** The matrix in a region that networkRegions has sized. */
export function matrixAt(plan: Plan<string>, name: string, capacity: number): Matrix {
  const stride = strideOf(capacity);
  return { at: plan.at[name], stride, panels: plan.sizes[name] / stride };
}
