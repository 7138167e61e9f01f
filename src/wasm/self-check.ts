// Small products of each kernel against plain JavaScript, before anything is built on them. All numbers in them are small
// whole ones, so that every sum is exact however it is rounded: right is equal.

import { Arena, allocateShared, growTo } from "./arena.ts";
import { instantiate } from "./instance.ts";
import { Kernels } from "./kernels.ts";
import { GRADIENT_BYTES, LANES, ROW_BYTES } from "./layout.ts";
import {
  type Matrix,
  panelsOf,
  readMatrix,
  roundUp,
  type TrainedWeights,
  type Transposed,
  weightsAt,
  writeMatrix,
} from "./matrix.ts";
import type { Width } from "./platform.ts";
import type { TileName } from "./tiles.ts";

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
  const check = new Check(module, shared, tile);
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

/** With these coefficients Adam's first moment becomes the gradient and everything else stays as it is. */
const GRADIENT_ONLY = [0, 1, 1, 0, 0, 1];
const ALL = [0, ROWS] as const;

class Check {
  readonly #kernels: Kernels;
  readonly #floats: Float32Array;
  readonly #arena = new Arena();
  readonly #x = this.#matrix("x", ROWS, K);
  readonly #dy = this.#matrix("dy", ROWS, N);
  readonly #y = this.#matrix("y", ROWS, N);
  readonly #dx = this.#matrix("dx", ROWS, K);
  readonly #w = this.#weights("w");
  readonly #dw = this.#weights("dw");
  readonly #updated: TrainedWeights = {
    ...this.#weights("updated"),
    m: this.#weights("m").at,
    v: this.#weights("v").at,
  };
  readonly #dyT = this.#transposed("dy transposed", N);
  readonly #dxT = this.#transposed("dx transposed", K);
  readonly #room = {
    gradient: this.#arena.region("gradient", GRADIENT_BYTES).at,
    adam: this.#arena.region("adam", ROW_BYTES).at,
  };
  readonly #rowLists = this.#arena.nonzeros("rows", ROWS, K);
  readonly #columnLists = this.#arena.nonzeros("columns", roundUp(K, LANES), ROWS);
  readonly #right: Readonly<Record<"forward" | "gradient" | "backward", Float32Array>>;

  constructor(module: WebAssembly.Module, shared: boolean, tile: TileName) {
    const { exports, memory } = instantiate(module, shared ? allocateShared(this.#arena) : undefined);
    if (!shared) growTo(memory, this.#arena);
    this.#kernels = new Kernels(exports, tile);
    this.#floats = new Float32Array(memory.buffer);
    const [x, w, dy] = [matrix(ROWS, K, 1), matrix(K + 1, N, 2), matrix(ROWS, N, 3)];
    writeMatrix(this.#floats, this.#x, [ROWS, K], x);
    writeMatrix(this.#floats, this.#w, [K + 1, N], w);
    writeMatrix(this.#floats, this.#dy, [ROWS, N], dy);
    this.#floats.set(GRADIENT_ONLY, this.#room.adam / 4);
    const bias = (n: number) => w[K * N + n]!;
    this.#right = {
      /** relu(x·W + b) */
      forward: product(ROWS, N, (r, n) =>
        Math.max(0, bias(n) + sum(K, (k) => x[r * K + k]! * w[k * N + n]!)),
      ),
      /** [xᵀ·dy; Σ dy] */
      gradient: product(K + 1, N, (k, n) => sum(ROWS, (r) => (k < K ? x[r * K + k]! : 1) * dy[r * N + n]!)),
      /** dy·Wᵀ */
      backward: product(ROWS, K, (r, k) => sum(N, (n) => dy[r * N + n]! * w[k * N + n]!)),
    };
  }

  #matrix(name: string, rows: number, columns: number): Matrix {
    return this.#arena.matrix(name, rows, panelsOf(columns));
  }

  #weights(name: string) {
    const { at } = this.#arena.region(name, panelsOf(N) * (K + 1) * ROW_BYTES);
    return weightsAt(at, K, panelsOf(N));
  }

  #transposed(name: string, columns: number): Transposed {
    const stride = roundUp(columns, LANES) * ROW_BYTES;
    return { at: this.#arena.region(name, (ROWS / LANES) * stride).at, stride };
  }

  firstWrong(repeats: number): string | undefined {
    const { forward, gradient, backward } = this.#right;
    const m = { ...this.#updated, at: this.#updated.m };
    const checks: readonly (readonly [name: keyof Kernels, run: () => void, right: () => boolean])[] = [
      ["linear", () => this.#linear(), () => this.#holds(this.#y, [ROWS, N], forward)],
      ["linearSparse", () => this.#linearSparse(), () => this.#holds(this.#y, [ROWS, N], forward)],
      ["linearBackwardInput", () => this.#backward(), () => this.#holds(this.#dx, [ROWS, K], backward)],
      [
        "linearBackwardWeight",
        () => this.#backwardWeight(),
        () => this.#holds(this.#dw, [K + 1, N], gradient),
      ],
      ["linearUpdate", () => this.#update(), () => this.#holds(m, [K + 1, N], gradient)],
      ["linearUpdateSparse", () => this.#updateSparse(), () => this.#holds(m, [K + 1, N], gradient)],
    ];
    return checks.find(([, run, right]) => {
      for (let i = 0; i < repeats; i++) run();
      return !right();
    })?.[0];
  }

  #linear(): void {
    this.#kernels.linear(this.#y, this.#x, this.#w, ALL, "relu");
  }

  #linearSparse(): void {
    this.#kernels.listRows(this.#rowLists, this.#x, ALL);
    this.#kernels.linearSparse(this.#y, this.#rowLists, this.#w, ALL, "relu");
  }

  #backward(): void {
    this.#kernels.transpose(this.#dyT, this.#dy, ALL);
    this.#kernels.linearBackwardInput(this.#dxT, this.#dyT, this.#w, ALL);
    this.#kernels.transposeBack(this.#dx, this.#dxT, ALL);
  }

  #backwardWeight(): void {
    this.#kernels.linearBackwardWeight(this.#dw, this.#x, this.#dy, ROWS);
  }

  #update(): void {
    const blocks = [0, panelsOf(N) * panelsOf(K)] as const;
    this.#kernels.linearUpdate(this.#updated, this.#x, this.#dy, ROWS, blocks, this.#room);
  }

  #updateSparse(): void {
    const columns = [0, roundUp(K, LANES)] as const;
    this.#kernels.listColumns(this.#columnLists, this.#x, ROWS, columns);
    this.#kernels.linearUpdateSparse(this.#updated, this.#columnLists, this.#dy, ROWS, columns, this.#room);
  }

  /** Whether a matrix holds these numbers; it is wiped for the next kernel that writes there. */
  #holds(where: Matrix, size: readonly [number, number], expected: Float32Array): boolean {
    const found = new Float32Array(expected.length);
    readMatrix(this.#floats, where, size, found);
    this.#floats.fill(0, where.at / 4, (where.at + where.panels * where.stride) / 4);
    return expected.every((value, i) => value === found[i]);
  }
}

function sum(count: number, term: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
}

function product(
  rows: number,
  columns: number,
  element: (row: number, column: number) => number,
): Float32Array {
  return Float32Array.from({ length: rows * columns }, (_, i) =>
    element(Math.floor(i / columns), i % columns),
  );
}
