import type { Exports } from "./instance.ts";
import { LANES, NONE, RELU, ROW_BYTES, TANH } from "./layout.ts";
import {
  type Matrix,
  type Nonzeros,
  panelsOf,
  type Range,
  type TrainedWeights,
  type Transposed,
  type Weights,
} from "./matrix.ts";
import { SPARSE_BELOW, TILES, type TileName } from "./tiles.ts";

/** The activations that a product applies to its sums. */
const FINISH = { none: NONE, relu: RELU, tanh: TANH } as const;
export type Finish = keyof typeof FINISH;

/** Exports that read one matrix and write or change another, element by element. */
type Elementwise = {
  [K in keyof Exports]: Exports[K] extends (...given: infer P extends number[]) => void
    ? P["length"] extends 5
      ? K
      : never
    : never;
}[keyof Exports];

/** The likelihoods: the exports that have a twin without gradient, named …Loss. */
type LikelihoodKernel = { [K in keyof Exports]: K extends `${infer Name}Loss` ? Name : never }[keyof Exports];

/** Which random numbers: the seed's key words, and the rest of the first row's Philox counter. */
export interface Draws {
  readonly key: readonly [low: number, high: number];
  readonly purpose: number;
  /** Step, or epoch, or whatever else tells draws for one purpose apart. */
  readonly step: number;
  readonly row: number;
}

/** The variables between encoder and decoder, one stride for all. */
export interface Latent {
  readonly mu: Matrix;
  readonly logvar: Matrix;
  readonly eps: Matrix;
  readonly z: Matrix;
}

/** A dataset in memory: rows of bytes, which stand for value / 255, or of float32. */
export interface Source {
  readonly at: number;
  readonly bytesPerValue: 1 | 4;
}

/** A worker's room to update weights in. */
export interface UpdateRoom {
  /** Byte offset of a gradient of 5 panels of 17 rows. */
  readonly gradient: number;
  /** Byte offset of Adam's six coefficients (assembly/adam.ts). */
  readonly adam: number;
}

/** Rows of a likelihood, and where its results are. */
export interface LossRoom {
  /** Byte offset of one float64 for each row, in nats. */
  readonly loss: number;
  /** Byte offset of room for 2 rows of 16 for each row. */
  readonly scratch: number;
  /** Byte offset of one float32 for each row, which multiplies its gradient; without it there is no gradient. */
  readonly weights?: number | undefined;
}

/**
 * The kernels of assembly/ on matrices, layers and ranges of rows. What each computes, and from which equation, is said at
 * its source. A kernel works on the rows of its range and touches no others; where it moves in blocks of 16 rows, the range
 * begins at a multiple of 16.
 */
export class Kernels {
  /** The density of nonzeros below which a product over lists is faster than a dense one. */
  readonly sparseBelow: number;
  readonly #exports: Exports;
  readonly #tile: number;

  constructor(exports: Exports, tile: TileName) {
    this.sparseBelow = SPARSE_BELOW[tile];
    this.#exports = exports;
    this.#tile = TILES[tile];
  }

  /** y = f(x·W + b) */
  linear(y: Matrix, x: Matrix, w: Weights, rows: Range, finish: Finish): void {
    // biome-ignore format: one call
    this.#exports.linear(
      rowOf(y, rows), y.stride, rowOf(x, rows), x.stride, w.at, sizeOf(rows), w.panels, w.k, FINISH[finish], this.#tile,
    );
  }

  /** `linear` on the nonzeros of x's rows. */
  linearSparse(y: Matrix, x: Nonzeros, w: Weights, rows: Range, finish: Finish): void {
    // biome-ignore format: one call
    this.#exports.linearSparse(
      rowOf(y, rows), y.stride, listOf(x, rows), x.stride, endsOf(x, rows), x.endStride, w.at, sizeOf(rows), w.panels,
      w.k, FINISH[finish], this.#tile,
    );
  }

  /** dxᵀ = W·dyᵀ */
  linearBackwardInput(dxT: Transposed, dyT: Transposed, w: Weights, rows: Range): void {
    // biome-ignore format: one call
    this.#exports.linearBackwardInput(
      blockOf(dxT, rows), dxT.stride, blockOf(dyT, rows), dyT.stride, w.at, panelsOf(sizeOf(rows)), w.k,
      w.panels * LANES, this.#tile,
    );
  }

  /** [dW; db] = [xᵀ·dy; Σ dy] over the first `batch` rows. */
  linearBackwardWeight(dw: Weights, x: Matrix, dy: Matrix, batch: number): void {
    // biome-ignore format: one call
    this.#exports.linearBackwardWeight(dw.at, x.at, x.stride, dy.at, dy.stride, batch, dw.panels, dw.k, this.#tile);
  }

  /** The same gradient, and Adam's update with it, of some blocks of [16, 16], counted panel by panel. */
  linearUpdate(
    w: TrainedWeights,
    x: Matrix,
    dy: Matrix,
    batch: number,
    [from, to]: Range,
    room: UpdateRoom,
  ): void {
    // biome-ignore format: one call
    this.#exports.linearUpdate(
      w.at, w.m, w.v, x.at, x.stride, dy.at, dy.stride, batch, w.k, from, to, room.gradient, room.adam, this.#tile,
    );
  }

  /** `linearUpdate` on the nonzeros of x's columns, of some columns. */
  linearUpdateSparse(
    w: TrainedWeights,
    x: Nonzeros,
    dy: Matrix,
    batch: number,
    [from, to]: Range,
    room: UpdateRoom,
  ): void {
    // biome-ignore format: one call
    this.#exports.linearUpdateSparse(
      w.at, w.m, w.v, x.at, x.stride, x.ends, x.endStride, dy.at, dy.stride, batch, w.panels, w.k, from, to,
      room.gradient, room.adam, this.#tile,
    );
  }

  /** Lists the nonzeros of some rows of x. */
  listRows(to: Nonzeros, x: Matrix, rows: Range): void {
    // biome-ignore format: one call
    this.#exports.listRows(
      listOf(to, rows), to.stride, endsOf(to, rows), to.endStride, rowOf(x, rows), x.stride, sizeOf(rows), to.length,
    );
  }

  /** Lists the nonzeros of some columns of x, multiples of 4, over its first `batch` rows. */
  listColumns(to: Nonzeros, x: Matrix, batch: number, [from, end]: Range): void {
    this.#exports.listColumns(to.at, to.stride, to.ends, to.endStride, x.at, x.stride, batch, from, end);
  }

  /** How many nonzeros some lists have. */
  countNonzeros(lists: Nonzeros, range: Range): number {
    return this.#exports.countEntries(endsOf(lists, range), lists.endStride, sizeOf(range), lists.length);
  }

  /** A kernel that changes `to`, given `from`, element by element. */
  elementwise(kernel: Elementwise, to: Matrix, from: Matrix, rows: Range): void {
    this.#exports[kernel](rowOf(to, rows), rowOf(from, rows), to.stride, sizeOf(rows), to.panels);
  }

  /** σ in place */
  sigmoid(out: Matrix, rows: Range): void {
    this.#exports.sigmoid(rowOf(out, rows), out.stride, sizeOf(rows), out.panels);
  }

  /** −log p(x|z) of each row. With weights, out becomes its gradient, each row multiplied by its weight. */
  loss(
    likelihood: LikelihoodKernel,
    out: Matrix,
    x: Matrix,
    columns: number,
    rows: Range,
    room: LossRoom,
  ): void {
    const { loss, scratch, weights } = room;
    const kernel = this.#exports[weights === undefined ? (`${likelihood}Loss` as const) : likelihood];
    const [from] = rows;
    // biome-ignore format: one call
    kernel(
      loss + from * 8, rowOf(out, rows), rowOf(x, rows), x.stride, sizeOf(rows), columns, scratch + from * 2 * ROW_BYTES,
      (weights ?? 0) + from * 4,
    );
  }

  /** z = μ + exp(½·logvar)⊙ε */
  reparameterize({ z, mu, logvar, eps }: Latent, rows: Range): void {
    // biome-ignore format: one call
    this.#exports.reparameterize(
      rowOf(z, rows), rowOf(mu, rows), rowOf(logvar, rows), rowOf(eps, rows), z.stride, sizeOf(rows), z.panels,
    );
  }

  /** KL(q‖N(0, I)) of each row, one float64 each at `loss`, in nats */
  kl(loss: number, { mu, logvar }: Latent, rows: Range): void {
    const at = loss + rows[0] * 8;
    this.#exports.kl(at, rowOf(mu, rows), rowOf(logvar, rows), mu.stride, sizeOf(rows), mu.panels);
  }

  /** From dz to dμ and dlogvar; the KL term's gradient, each row multiplied by its weight, is added. */
  latentBackward(
    d: Pick<Latent, "z" | "mu" | "logvar">,
    { mu, logvar, eps }: Latent,
    rows: Range,
    weights: number,
  ): void {
    const { z } = d;
    // biome-ignore format: one call
    this.#exports.latentBackward(
      rowOf(d.mu, rows), rowOf(d.logvar, rows), rowOf(z, rows), rowOf(mu, rows), rowOf(logvar, rows), rowOf(eps, rows),
      z.stride, sizeOf(rows), z.panels, weights + rows[0] * 4,
    );
  }

  /** Standard normals in the first columns of some rows. */
  normal(to: Matrix, columns: number, rows: Range, { key, purpose, step, row }: Draws): void {
    // biome-ignore format: one call
    this.#exports.philoxNormal(rowOf(to, rows), to.stride, row, sizeOf(rows), columns, step, purpose, ...key);
  }

  /** Uniforms in [−bound, bound) in the first columns of a layer's weights and biases. */
  uniform(to: Weights, columns: number, bound: number, { key, purpose, step }: Omit<Draws, "row">): void {
    this.#exports.philoxUniform(to.at, to.stride, to.k + 1, columns, bound, step, purpose, ...key);
  }

  /** Rows of a dataset: row `indices[i]`, u32 each, becomes row `rows[0] + i`. */
  gather(x: Matrix, columns: number, rows: Range, { at, bytesPerValue }: Source, indices: number): void {
    const gather = bytesPerValue === 1 ? this.#exports.gatherBytes : this.#exports.gatherFloats;
    gather(rowOf(x, rows), x.stride, at, indices, sizeOf(rows), columns);
  }

  /** Blocks of 16 rows of a matrix, transposed. */
  transpose(to: Transposed, from: Matrix, rows: Range): void {
    // biome-ignore format: one call
    this.#exports.transpose(
      blockOf(to, rows), to.stride, SQUARE, rowOf(from, rows), SQUARE, from.stride, panelsOf(sizeOf(rows)), from.panels,
    );
  }

  /** The inverse of `transpose`. */
  transposeBack(to: Matrix, from: Transposed, rows: Range): void {
    // biome-ignore format: one call
    this.#exports.transpose(
      rowOf(to, rows), SQUARE, to.stride, blockOf(from, rows), from.stride, SQUARE, panelsOf(sizeOf(rows)), to.panels,
    );
  }
}

/** Bytes of 16 rows of a panel. */
const SQUARE = LANES * ROW_BYTES;

// Ranges are read by index: taking them apart calls an iterator, which costs more than some kernels until it is compiled.

function sizeOf(range: Range): number {
  return range[1] - range[0];
}

/** Where the first row of a range is. */
function rowOf({ at }: Matrix, rows: Range): number {
  return at + rows[0] * ROW_BYTES;
}

function blockOf({ at, stride }: Transposed, rows: Range): number {
  return at + (rows[0] / LANES) * stride;
}

function listOf({ at, stride }: Nonzeros, range: Range): number {
  return at + range[0] * stride;
}

function endsOf({ ends, endStride }: Nonzeros, range: Range): number {
  return ends + range[0] * endStride;
}
