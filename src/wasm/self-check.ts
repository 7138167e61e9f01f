// Small products of each kernel against plain JavaScript, before anything is built on them. All numbers in them are small
// whole ones, so that every sum is exact however it is rounded: right is equal.

import { planMemory } from "./arena.ts";
import {
  ACTIVATIONS,
  elementIndex,
  GRADIENT_BYTES,
  instantiate,
  type Kernels,
  LANES,
  listBytes,
  listEndBytes,
  panelsOf,
  ROW_BYTES,
} from "./kernels.ts";
import type { Width } from "./platform.ts";
import { TILES, type TileName } from "./tiles.ts";

/** Two blocks of the batch, no multiple of any tile; panels in fives and in twos. */
const ROWS = 32;
const K = 35;
const N = 150;

/** Optimising compilers begin with what has run for a while; so many calls make them begin. */
const REPEATS = 40;
/** And they take their time: where they change the code, it is looked at again after these milliseconds. */
const LATER_MS = [10, 10];

/** What of the kernels is checked. */
export interface Checked {
  readonly shared: boolean;
  readonly tile: TileName;
  readonly width: Width;
}

/** The name of the first kernel that computes something wrong on this engine, if there is one. */
export async function findWrongKernel(
  module: WebAssembly.Module,
  { shared, tile, width }: Checked,
): Promise<string | undefined> {
  const check = new Check(module, shared, TILES[tile]);
  let wrong = check.firstWrong(width === 256 ? REPEATS : 1);
  for (const ms of width === 256 ? LATER_MS : []) {
    if (wrong !== undefined) return wrong;
    await new Promise((resolve) => setTimeout(resolve, ms));
    wrong = check.firstWrong(1);
  }
  return wrong;
}

/** Whole numbers from −3 to 3, half of them 0. */
function wholeNumber(i: number): number {
  const dice = (Math.imul(i + 1, 0x9e3779b1) >>> 8) % 14;
  return dice < 7 ? dice - 3 : 0;
}

function matrix(rows: number, columns: number, seed: number): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) => wholeNumber(i + seed));
}

const COLUMNS = panelsOf(K) * LANES;
const REGIONS = {
  x: panelsOf(K) * ROWS * ROW_BYTES,
  dy: panelsOf(N) * ROWS * ROW_BYTES,
  dyT: (ROWS / LANES) * panelsOf(N) * LANES * ROW_BYTES,
  dxT: (ROWS / LANES) * COLUMNS * ROW_BYTES,
  y: panelsOf(N) * ROWS * ROW_BYTES,
  w: panelsOf(N) * (K + 1) * ROW_BYTES,
  dw: panelsOf(N) * (K + 1) * ROW_BYTES,
  updated: panelsOf(N) * (K + 1) * ROW_BYTES,
  m: panelsOf(N) * (K + 1) * ROW_BYTES,
  v: panelsOf(N) * (K + 1) * ROW_BYTES,
  gradient: GRADIENT_BYTES,
  adam: ROW_BYTES,
  rows: ROWS * listBytes(K),
  rowEnds: ROWS * listEndBytes(K),
  columns: COLUMNS * listBytes(ROWS),
  columnEnds: COLUMNS * listEndBytes(ROWS),
};
type Region = keyof typeof REGIONS;

/** With these coefficients Adam's first moment becomes the gradient and everything else stays as it is. */
const GRADIENT_ONLY = [0, 1, 1, 0, 0, 1];

class Check {
  readonly #kernels: Kernels;
  readonly #buffer: ArrayBufferLike;
  readonly #at = planMemory(REGIONS).at;
  readonly #tile: number;
  readonly #x = matrix(ROWS, K, 1);
  readonly #w = matrix(K + 1, N, 2);
  readonly #dy = matrix(ROWS, N, 3);
  readonly #right = [this.#forward(), this.#gradient(), this.#backward()] as const;

  constructor(module: WebAssembly.Module, shared: boolean, tile: number) {
    const { pages } = planMemory(REGIONS);
    const own = shared ? new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }) : undefined;
    const { kernels, memory } = instantiate(module, own);
    if (!shared) memory.grow(pages);
    this.#kernels = kernels;
    this.#buffer = memory.buffer;
    this.#tile = tile;
    this.#write("x", this.#x, ROWS, K);
    this.#write("w", this.#w, K + 1, N);
    this.#write("dy", this.#dy, ROWS, N);
    this.#floats("adam").set(GRADIENT_ONLY);
    for (let c = 0; c < panelsOf(N) * LANES; c++) {
      for (let r = 0; r < ROWS; r++) {
        const block = Math.floor(r / LANES) * panelsOf(N) * LANES;
        this.#floats("dyT")[(block + c) * LANES + (r % LANES)] = c < N ? this.#dy[r * N + c] : 0;
      }
    }
  }

  firstWrong(repeats: number): string | undefined {
    const [forward, gradient, backward] = this.#right;
    const checks: readonly (readonly [name: keyof Kernels, run: () => void, right: () => boolean])[] = [
      ["linear", () => this.#linear(), () => this.#holds("y", forward, ROWS, N)],
      ["linearSparse", () => this.#linearSparse(), () => this.#holds("y", forward, ROWS, N)],
      ["linearBackwardInput", () => this.#linearBackwardInput(), () => this.#holdsBlocks(backward)],
      [
        "linearBackwardWeight",
        () => this.#linearBackwardWeight(),
        () => this.#holds("dw", gradient, K + 1, N),
      ],
      ["linearUpdate", () => this.#linearUpdate(), () => this.#holds("m", gradient, K + 1, N)],
      ["linearUpdateSparse", () => this.#linearUpdateSparse(), () => this.#holds("m", gradient, K + 1, N)],
    ];
    return checks.find(([, run, right]) => {
      for (let i = 0; i < repeats; i++) run();
      return !right();
    })?.[0];
  }

  /** relu(x·W + b) */
  #forward(): Float64Array {
    return product(ROWS, N, (r, n) => {
      let sum = this.#w[K * N + n];
      for (let k = 0; k < K; k++) sum += this.#x[r * K + k] * this.#w[k * N + n];
      return Math.max(0, sum);
    });
  }

  /** [xᵀ·dy; Σ dy] */
  #gradient(): Float64Array {
    return product(K + 1, N, (k, n) => {
      let sum = 0;
      for (let r = 0; r < ROWS; r++) sum += (k < K ? this.#x[r * K + k] : 1) * this.#dy[r * N + n];
      return sum;
    });
  }

  /** dy·Wᵀ */
  #backward(): Float64Array {
    return product(ROWS, K, (r, k) => {
      let sum = 0;
      for (let n = 0; n < N; n++) sum += this.#dy[r * N + n] * this.#w[k * N + n];
      return sum;
    });
  }

  #linear(): void {
    const { x, y, w } = this.#at;
    const panel = ROWS * ROW_BYTES;
    this.#kernels.linear(y, panel, x, panel, w, ROWS, panelsOf(N), K, ACTIVATIONS.relu, this.#tile);
  }

  #linearSparse(): void {
    const { x, y, w, rows, rowEnds } = this.#at;
    const panel = ROWS * ROW_BYTES;
    const [list, ends] = [listBytes(K), listEndBytes(K)];
    this.#kernels.listRows(rows, list, rowEnds, ends, x, panel, ROWS, K);
    // biome-ignore format: one call
    this.#kernels.linearSparse(
      y, panel, rows, list, rowEnds, ends, w, ROWS, panelsOf(N), K, ACTIVATIONS.relu, this.#tile,
    );
  }

  #linearBackwardInput(): void {
    const { dxT, dyT, w } = this.#at;
    const [dxBlock, dyBlock] = [COLUMNS * ROW_BYTES, panelsOf(N) * LANES * ROW_BYTES];
    const blocks = ROWS / LANES;
    this.#kernels.linearBackwardInput(
      dxT,
      dxBlock,
      dyT,
      dyBlock,
      w,
      blocks,
      K,
      panelsOf(N) * LANES,
      this.#tile,
    );
  }

  #linearBackwardWeight(): void {
    const { dw, x, dy } = this.#at;
    const panel = ROWS * ROW_BYTES;
    const blocks = panelsOf(N) * panelsOf(K);
    this.#kernels.linearBackwardWeight(dw, x, panel, dy, panel, ROWS, K, 0, blocks, this.#tile);
  }

  #linearUpdate(): void {
    const { updated, m, v, x, dy, gradient, adam } = this.#at;
    const panel = ROWS * ROW_BYTES;
    const blocks = panelsOf(N) * panelsOf(K);
    // biome-ignore format: one call
    this.#kernels.linearUpdate(
      updated, m, v, x, panel, dy, panel, ROWS, K, 0, blocks, gradient, adam, this.#tile,
    );
  }

  #linearUpdateSparse(): void {
    const { updated, m, v, x, dy, columns, columnEnds, gradient, adam } = this.#at;
    const panel = ROWS * ROW_BYTES;
    const [list, ends] = [listBytes(ROWS), listEndBytes(ROWS)];
    this.#kernels.listColumns(columns, list, columnEnds, ends, x, panel, ROWS, 0, COLUMNS);
    // biome-ignore format: one call
    this.#kernels.linearUpdateSparse(
      updated, m, v, columns, list, columnEnds, ends, dy, panel, ROWS, panelsOf(N), K, 0, COLUMNS, gradient, adam,
      this.#tile,
    );
  }

  #floats(region: Region): Float32Array {
    return new Float32Array(this.#buffer, this.#at[region], REGIONS[region] / 4);
  }

  /** A row-major matrix as panels of `rows` rows. */
  #write(region: Region, values: Float32Array, rows: number, columns: number): void {
    const floats = this.#floats(region);
    for (let i = 0; i < values.length; i++) {
      floats[elementIndex(rows * ROW_BYTES, Math.floor(i / columns), i % columns)] = values[i];
    }
  }

  /** Whether a region of panels holds these numbers; it is wiped for the next kernel that writes there. */
  #holds(region: Region, expected: Float64Array, rows: number, columns: number): boolean {
    const floats = this.#floats(region);
    const right = expected.every(
      (value, i) => floats[elementIndex(rows * ROW_BYTES, Math.floor(i / columns), i % columns)] === value,
    );
    floats.fill(0);
    return right;
  }

  /** The same of dxᵀ, [blocks of 16 rows][k][16]. */
  #holdsBlocks(expected: Float64Array): boolean {
    const floats = this.#floats("dxT");
    const right = expected.every((value, i) => {
      const [r, k] = [Math.floor(i / K), i % K];
      return floats[(Math.floor(r / LANES) * COLUMNS + k) * LANES + (r % LANES)] === value;
    });
    floats.fill(0);
    return right;
  }
}

function product(
  rows: number,
  columns: number,
  element: (row: number, column: number) => number,
): Float64Array {
  return Float64Array.from({ length: rows * columns }, (_, i) =>
    element(Math.floor(i / columns), i % columns),
  );
}
