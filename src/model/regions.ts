import { type Plan, roundUp } from "../wasm/arena.ts";
import { ENTRY_BYTES, LANES, panelsOf, ROW_BYTES } from "../wasm/kernels.ts";
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
  /** Whether the rows of data are mostly zeros, so that the first layer works on lists of what is not zero. */
  readonly sparse: boolean;
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

/** Bytes of the list of a row, and of a column, in which nothing is zero. */
export function listStrides(config: VaeConfig, capacity: number): { row: number; column: number } {
  return { row: config.inputDim * ENTRY_BYTES, column: roundUp(capacity, LANES) * ENTRY_BYTES };
}

/** The regions of memory that a network needs, in bytes. */
export function networkRegions(config: VaeConfig, use: NetworkUse): Record<string, number> {
  const { capacity, training, sparse } = use;
  const stride = strideOf(capacity);
  const rows = roundUp(capacity, LANES);
  const columns = roundUp(config.inputDim, LANES);
  const lists = listStrides(config, capacity);
  const sizes = Object.entries(widths(config)).map(([name, n]) => [name, panelsOf(n) * stride] as const);
  const transposed = widestPanels(config) * rows * ROW_BYTES;
  return {
    ...Object.fromEntries(sizes),
    reconstruction: rows * 8,
    kl: rows * 8,
    scratch: rows * 2 * ROW_BYTES,
    ...(sparse && { "row lists": rows * lists.row, "row counts": rows * 4 }),
    ...(training && {
      ...Object.fromEntries(
        sizes.filter(([name]) => !WITHOUT_GRADIENT.has(name)).map(([name, size]) => [`d ${name}`, size]),
      ),
      "dy transposed": transposed,
      "dx transposed": transposed,
    }),
    ...(training && sparse && { "column lists": columns * lists.column, "column counts": columns * 4 }),
  };
}

/** The matrix in a region that networkRegions has sized. */
export function matrixAt(plan: Plan<string>, name: string, capacity: number): Matrix {
  const stride = strideOf(capacity);
  return { at: plan.at[name], stride, panels: plan.sizes[name] / stride };
}
