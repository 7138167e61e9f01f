import { BUILDS, type KernelBuild, supportedArithmetic } from "../../src/wasm/builds.ts";
import { compileNode } from "../../src/wasm/compile-node.ts";
import { type Exports, instantiate } from "../../src/wasm/instance.ts";
import { Kernels, type LossRoom, type UpdateRoom } from "../../src/wasm/kernels.ts";
import { GRADIENT_BYTES, LANES, ROW_BYTES, STATIC_BYTES } from "../../src/wasm/layout.ts";
import {
  elementIndex,
  listBytes,
  listEndBytes,
  type Matrix,
  type Nonzeros,
  panelsOf,
  type Range,
  readMatrix,
  roundUp,
  type TrainedWeights,
  type Weights,
} from "../../src/wasm/matrix.ts";
import type { TileName } from "../../src/wasm/tiles.ts";
import type { Numbers } from "../reference/matmul.ts";

/** A matrix with its size in elements. */
export interface Grid extends Matrix {
  readonly rows: number;
  readonly columns: number;
}

/** Some rows in the middle of a matrix, which others own. */
export interface Slice extends Matrix {
  readonly range: Range;
  /** These rows alone. */
  readonly own: Grid;
}

export type WeightGrid = Grid & Weights;

/** What stands around the numbers of a memory. */
export interface Surroundings {
  /** Rows of others, above and below those of a slice. */
  readonly margin: number;
  /** Rows between the end of a panel and the next. */
  readonly slack: number;
}

/** Where a kernel must stay inside its operands: a prime, so that strides are odd. */
const AMONG_OTHERS: Surroundings = { margin: 2, slack: 3 };
/** As in training (src/wasm/arena.ts). */
export const AS_IN_TRAINING: Surroundings = { margin: 0, slack: 4 };

/**
 * What memory holds that no kernel was asked to write, word by word: signalling NaNs, each with a payload of its own. Where
 * one is read it poisons the result; and no result is one, as arithmetic makes NaNs quiet and a copy has another's payload.
 */
function canary(index: number): number {
  return 0x7f800001 | ((Math.imul(index, 0x9e3779b1) >>> 10) & 0x3fffff);
}

const MEGABYTES = 16;

/** A build of the kernels over a memory that a test fills, one allocation after another. */
export class KernelMemory {
  /** The raw kernels, for those that nothing in src/ calls by themselves. */
  readonly exports: Exports;
  readonly #memory: WebAssembly.Memory;
  readonly #kernels = new Map<TileName, Kernels>();
  readonly #around: Surroundings;
  #next = STATIC_BYTES;

  constructor(module: WebAssembly.Module, shared: boolean, around: Surroundings = AMONG_OTHERS) {
    const pages = MEGABYTES * 16;
    // the maximum is the one that the builds are linked with, or less
    const own = shared ? new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }) : undefined;
    const { exports, memory } = instantiate(module, own);
    if (!shared) memory.grow(pages - memory.buffer.byteLength / 65536);
    this.exports = exports;
    this.#memory = memory;
    this.#around = around;
  }

  kernels(tile: TileName = "4x8"): Kernels {
    const kernels = this.#kernels.get(tile) ?? new Kernels(this.exports, tile);
    this.#kernels.set(tile, kernels);
    return kernels;
  }

  /** Forgets all allocations. */
  reset(): void {
    this.#next = STATIC_BYTES;
  }

  /** `bytes` bytes of canaries on cache lines of their own, and one more line of them. */
  allocate(bytes: number): number {
    const at = this.#next;
    this.#next += roundUp(bytes, ROW_BYTES) + ROW_BYTES;
    if (this.#next > this.#memory.buffer.byteLength) throw new RangeError("the test needs a larger memory");
    const words = this.words(at, (this.#next - at) / 4);
    for (let i = 0; i < words.length; i++) words[i] = canary(at / 4 + i);
    return at;
  }

  bytes(at: number, count: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, at, count);
  }

  words(at: number, count: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, at, count);
  }

  floats(at: number, count: number): Float32Array {
    return new Float32Array(this.#memory.buffer, at, count);
  }

  doubles(at: number, count: number): Float64Array {
    return new Float64Array(this.#memory.buffer, at, count);
  }

  get #floats(): Float32Array {
    return new Float32Array(this.#memory.buffer);
  }

  /** Room for a matrix, all canaries. */
  room(rows: number, columns: number, slack = this.#around.slack): Grid {
    const stride = (rows + slack) * ROW_BYTES;
    const panels = panelsOf(columns);
    return { at: this.allocate(panels * stride), stride, panels, rows, columns };
  }

  /** A row-major matrix; the lanes that pad its last panel are zeros, what stands between panels is not. */
  put(values: Numbers, rows: number, columns: number, slack = this.#around.slack): Grid {
    const grid = this.room(rows, columns, slack);
    this.write(grid, values);
    return grid;
  }

  /** Room for rows among rows of others, all canaries. */
  slice(rows: number, columns: number): Slice {
    const { margin } = this.#around;
    return sliceOf(this.room(rows + 2 * margin, columns), [margin, margin + rows]);
  }

  putSlice(values: Numbers, rows: number, columns: number): Slice {
    const slice = this.slice(rows, columns);
    this.write(slice.own, values);
    return slice;
  }

  /** Room for weights [k, n] and the bias [n] under them. */
  weights(k: number, n: number): WeightGrid {
    return { ...this.room(k + 1, n, 0), k };
  }

  putWeights(w: Numbers, b: Numbers, k: number, n: number): WeightGrid {
    const weights = this.weights(k, n);
    this.write(rowsOf(weights, [0, k]), w);
    this.write(rowsOf(weights, [k, k + 1]), b);
    return weights;
  }

  /** Numbers in a row, as float32. */
  putVector(values: Numbers): number {
    const at = this.allocate(values.length * 4);
    this.floats(at, values.length).set(values);
    return at;
  }

  putWords(values: readonly number[]): number {
    const at = this.allocate(values.length * 4);
    this.words(at, values.length).set(values);
    return at;
  }

  /** Room for lists of `length` places each. */
  nonzeros(lists: number, length: number): Nonzeros {
    const [stride, endStride] = [listBytes(length), listEndBytes(length)];
    const [at, ends] = [this.allocate(lists * stride), this.allocate(lists * endStride)];
    return { at, stride, ends, endStride, length };
  }

  /** The nonzeros of a slice's rows. */
  listRows(x: Slice): Nonzeros {
    const lists = this.nonzeros(x.range[1] + this.#around.margin, x.own.columns);
    this.kernels().listRows(lists, x, x.range);
    return lists;
  }

  /** The nonzeros of a matrix's columns. */
  listColumns(x: Grid): Nonzeros {
    const columns = x.panels * LANES;
    const lists = this.nonzeros(columns, x.rows);
    this.kernels().listColumns(lists, x, x.rows, [0, columns]);
    return lists;
  }

  /** Room for the results of a likelihood on some rows, and for their weights, all 1 where nothing is said. */
  lossRoom(
    [from, to]: Range,
    weights: Numbers = new Float32Array(to - from).fill(1),
  ): LossRoom & { weights: number } {
    const rows = to + this.#around.margin;
    const room = {
      loss: this.allocate(rows * 8),
      scratch: this.allocate(rows * 2 * ROW_BYTES),
      weights: this.allocate(rows * 4),
    };
    this.floats(room.weights, rows).set(weights, from);
    return room;
  }

  /** A worker's room, with Adam's coefficients in it. */
  updateRoom(adam: Numbers): UpdateRoom {
    return { gradient: this.allocate(GRADIENT_BYTES), adam: this.putVector(adam) };
  }

  /** Row-major values into a matrix, with zeros in the lanes that pad its last panel. */
  write(grid: Grid, values: Numbers): void {
    const { rows, columns, panels } = grid;
    const [floats, from] = [this.#floats, values instanceof Float32Array ? values : float32(values)];
    // row by row, and not by `writeMatrix`: what is next to each other here is so there
    for (let p = 0; p < panels; p++) {
      const width = Math.min(LANES, columns - p * LANES);
      let [to, first] = [elementIndex(grid, 0, p * LANES), p * LANES];
      for (let r = 0; r < rows; r++, to += ROW_BYTES / 4, first += columns) {
        for (let c = 0; c < width; c++) floats[to + c] = from[first + c];
      }
    }
    for (const lanes of this.#padding(grid)) lanes.fill(0);
  }

  /** A matrix back to row-major. */
  read({ rows, columns, ...matrix }: Grid): Float32Array<ArrayBuffer> {
    const values = new Float32Array(rows * columns);
    readMatrix(this.#floats, matrix, [rows, columns], values);
    return values;
  }

  /** The lanes that pad the last panel. */
  padding(grid: Grid): Float32Array {
    const rows = this.#padding(grid);
    const all = new Float32Array(grid.panels * LANES * grid.rows - grid.columns * grid.rows);
    for (const [r, lanes] of rows.entries()) all.set(lanes, r * lanes.length);
    return all;
  }

  /** The same in memory, row by row; none where the columns fill all panels. */
  #padding({ rows, columns, panels, ...matrix }: Grid): Float32Array[] {
    const width = panels * LANES - columns;
    if (width === 0) return [];
    const first = elementIndex({ ...matrix, panels }, 0, columns) * 4;
    return Array.from({ length: rows }, (_, r) => this.floats(first + r * ROW_BYTES, width));
  }

  /** The range of bytes that has been given out; a line behind it is the next one's. */
  get used(): Range {
    return [0, this.#next];
  }
}

/** Some rows of a matrix. */
export function sliceOf(grid: Grid, range: Range): Slice {
  const { at, stride, panels } = grid;
  return { at, stride, panels, range, own: rowsOf(grid, range) };
}

/** Some rows of a matrix, as a matrix. */
export function rowsOf(grid: Grid, [from, to]: Range): Grid {
  return { ...grid, at: grid.at + from * ROW_BYTES, rows: to - from };
}

/** Weights, and the two moments that belong to them. */
export function trained(w: WeightGrid, m: Grid, v: Grid): TrainedWeights {
  return { ...w, m: m.at, v: v.at };
}

/** Float32 values, as a kernel sees them, for the twins. */
export function float32(values: Numbers): Float32Array {
  return new Float32Array(values);
}

/** The bits of floats, to be compared exactly: 0 and −0 differ. */
export function bitsOf(values: Float32Array | Float64Array): Uint32Array {
  return new Uint32Array(values.slice().buffer);
}

export interface OpenBuild extends KernelBuild {
  readonly module: WebAssembly.Module;
  readonly memory: KernelMemory;
}

/** All builds that this engine runs, each over a memory of its own. */
export async function openBuilds(): Promise<OpenBuild[]> {
  const supported = supportedArithmetic();
  const builds = BUILDS.filter(({ arithmetic }) => supported.includes(arithmetic));
  return Promise.all(
    builds.map(async (build) => {
      const module = await compileNode(build);
      return { ...build, module, memory: new KernelMemory(module, build.shared) };
    }),
  );
}
