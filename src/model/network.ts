import { seedKey } from "../random/philox.ts";
import type { Plan } from "../wasm/arena.ts";
import { ACTIVATIONS, type Kernels, LANES, LISTED_TOGETHER, panelsOf, ROW_BYTES } from "../wasm/kernels.ts";
import { SPARSE_BELOW, TILES, type TileName } from "../wasm/tiles.ts";
import type { VaeConfig } from "./config.ts";
import { type Dense, layerChains } from "./layers.ts";
import type { ParameterTable } from "./parameters.ts";
import { listsAt, type Matrix, matrixAt, type NetworkUse, widestPanels } from "./regions.ts";
import { share, shareByCost } from "./share.ts";

/** How a network does its work; it changes the time and no bit. */
export interface NetworkOptions extends NetworkUse {
  readonly tile: TileName;
}

type Range = readonly [from: number, to: number];

/**
 * What one worker updates of every layer's weights, from the encoder's first layer to the decoder's last: blocks of
 * [16, 16] where the layer's input is taken as it is, columns of the input where it is taken as lists.
 */
export type WeightShares = readonly { readonly blocks: Range; readonly columns: Range }[];

/** What Adam costs a block of columns, in units of a block's products if nothing in it were zero; measured. */
const ADAM_COST = 0.12;

/**
 * The VAE over one region of memory: forward, losses, and backpropagation by hand, for any range of rows.
 *
 * Every method works on rows `first` ≤ row < first + rows of the matrices and touches no others, so that workers can
 * share the memory, each with its own rows. Backpropagation moves in blocks of 16: there `first` is a multiple of 16.
 */
export class Network {
  readonly x: Matrix;
  readonly mu: Matrix;
  readonly logvar: Matrix;
  readonly z: Matrix;
  readonly out: Matrix;
  /** Negative log-likelihood and KL of each row, float64 each, in nats. */
  readonly reconstruction: number;
  readonly kl: number;

  readonly #kernels: Kernels;
  readonly #config: VaeConfig;
  readonly #plan: Plan<string>;
  readonly #capacity: number;
  readonly #parameters: number;
  readonly #tile: number;
  readonly #sparseBelow: number;
  readonly #key: readonly [number, number];
  /** Bytes of a block of 16 transposed rows: as wide as the widest layer, whichever layer a worker is in. */
  readonly #room: number;
  readonly #encoder: readonly Dense[];
  readonly #decoder: readonly Dense[];
  readonly #layers: readonly Dense[];
  readonly #eps: Matrix;
  readonly #dz: Matrix | undefined;

  /** `plan` holds networkRegions(config, options); the parameters stand at the region "parameters". */
  constructor(
    kernels: Kernels,
    config: VaeConfig,
    table: ParameterTable,
    plan: Plan<string>,
    { capacity, tile }: NetworkOptions,
  ) {
    this.#kernels = kernels;
    this.#config = config;
    this.#plan = plan;
    this.#capacity = capacity;
    this.#parameters = plan.at.parameters;
    this.#tile = TILES[tile];
    this.#sparseBelow = SPARSE_BELOW[tile];
    this.#key = seedKey(config.seed);
    this.#room = widestPanels(config) * LANES * ROW_BYTES;
    this.x = this.#matrix("x");
    const heads = this.#matrix("heads");
    const latent = heads.panels / 2;
    this.mu = { ...heads, panels: latent };
    this.logvar = { ...heads, panels: latent, at: heads.at + latent * heads.stride };
    this.#eps = this.#matrix("eps");
    this.z = this.#matrix("z");
    this.out = this.#matrix("out");
    this.reconstruction = plan.at.reconstruction;
    this.kl = plan.at.kl;
    const { encoder, decoder } = layerChains(
      config,
      table,
      (name) => this.#matrix(name),
      (name, columns) => listsAt(plan, name, columns, capacity),
    );
    this.#encoder = encoder;
    this.#decoder = decoder;
    this.#layers = [...this.#encoder, ...this.#decoder];
    this.#dz = "d z" in plan.at ? this.#matrix("d z") : undefined;
  }

  #matrix(name: string): Matrix {
    return matrixAt(this.#plan, name, this.#capacity);
  }

  /** Rows of a dataset into x: u32 row numbers at `indices`, the dataset's values at `data`. */
  gather(first: number, rows: number, data: number, indices: number, bytes: boolean): void {
    const to = this.x.at + first * ROW_BYTES;
    const gather = bytes ? this.#kernels.gatherBytes : this.#kernels.gatherFloats;
    gather(to, this.x.stride, data, indices, rows, this.#config.inputDim);
  }

  /** x → μ, log σ² */
  encode(first: number, rows: number): void {
    for (const layer of this.#encoder) this.#forward(layer, first, rows);
  }

  /** z = μ + σ⊙ε; ε ~ N(0, I) is a function of the seed, the row's number (`row` for `first`), `step` and `purpose`. */
  sample(first: number, rows: number, row: number, step: number, purpose: number): void {
    this.#normal(this.#eps, first, rows, row, step, purpose, this.#key);
    const { mu, logvar, z } = this;
    const offset = first * ROW_BYTES;
    this.#kernels.reparameterize(
      z.at + offset,
      mu.at + offset,
      logvar.at + offset,
      this.#eps.at + offset,
      z.stride,
      rows,
      z.panels,
    );
  }

  /** z ~ N(0, I), a function of any seed, the row's number and `purpose`. */
  prior(first: number, rows: number, row: number, purpose: number, seed: number): void {
    this.#normal(this.z, first, rows, row, 0, purpose, seedKey(seed));
  }

  #normal(
    to: Matrix,
    first: number,
    rows: number,
    row: number,
    step: number,
    purpose: number,
    [key0, key1]: readonly [number, number],
  ): void {
    const at = to.at + first * ROW_BYTES;
    const { latentDim } = this.#config;
    this.#kernels.philoxNormal(at, to.stride, row, rows, latentDim, step, purpose, key0, key1);
  }

  /** z → the decoder's linear output: logits (Bernoulli) or means (Gaussian) */
  decode(first: number, rows: number): void {
    for (const layer of this.#decoder) this.#forward(layer, first, rows);
  }

  #forward(layer: Dense, first: number, rows: number): void {
    const { x, y, w, k, hidden, lists } = layer;
    const from = x.at + first * ROW_BYTES;
    const to = y.at + first * ROW_BYTES;
    const activation = hidden ? ACTIVATIONS[this.#config.activation] : ACTIVATIONS.none;
    const weights = this.#parameters + w;
    const kernels = this.#kernels;
    if (lists) {
      const { rowStride, rowEndStride } = lists;
      const entries = lists.rows + first * rowStride;
      const ends = lists.rowEnds + first * rowEndStride;
      kernels.listRows(entries, rowStride, ends, rowEndStride, from, x.stride, rows, k);
      if (this.#isSparse(layer, first, rows)) {
        kernels.linearSparse(
          to,
          y.stride,
          entries,
          rowStride,
          ends,
          rowEndStride,
          weights,
          rows,
          y.panels,
          k,
          activation,
          this.#tile,
        );
        return;
      }
    }
    kernels.linear(to, y.stride, from, x.stride, weights, rows, y.panels, k, activation, this.#tile);
  }

  /** Whether so much of a layer's listed input is zero that lists are the faster way. The bits are the same. */
  #isSparse({ lists, k }: Dense, first: number, rows: number): boolean {
    if (!lists) return false;
    const { rowEnds, rowEndStride } = lists;
    const entries = this.#kernels.countEntries(rowEnds + first * rowEndStride, rowEndStride, rows, k);
    return entries < this.#sparseBelow * rows * k;
  }

  /** The linear output becomes the mean of p(x|z): σ(logits), or itself for a Gaussian. */
  mean(first: number, rows: number): void {
    if (this.#config.likelihood === "gaussian") return;
    this.#kernels.sigmoid(this.out.at + first * ROW_BYTES, this.out.stride, rows, this.out.panels);
  }

  /**
   * Both terms of the negative ELBO per row. In training, the gradient of the reconstruction term, times the weights of
   * the region "weights", overwrites the output.
   */
  losses(first: number, rows: number): void {
    const { x, out, mu, logvar } = this;
    const { inputDim, likelihood } = this.#config;
    const offset = first * ROW_BYTES;
    const { scratch, weights } = this.#plan.at;
    this.#kernels[this.#dz ? likelihood : (`${likelihood}Loss` as const)](
      this.reconstruction + first * 8,
      out.at + offset,
      x.at + offset,
      x.stride,
      rows,
      inputDim,
      scratch + 2 * offset,
      weights + first * 4,
    );
    this.#kernels.kl(this.kl + first * 8, mu.at + offset, logvar.at + offset, mu.stride, rows, mu.panels);
  }

  /** From the gradient of the output to the gradients of all layers' outputs (`losses` came before). */
  backward(first: number, rows: number): void {
    this.#backwardChain(this.#decoder, first, rows);
    const dz = this.#dz!;
    this.#backwardInput(this.#decoder[0], dz, first, rows);
    const { mu, logvar } = this;
    const dmu = this.#encoder.at(-1)!.dy;
    const offset = first * ROW_BYTES;
    this.#kernels.latentBackward(
      dmu.at + offset,
      dmu.at + mu.panels * dmu.stride + offset,
      dz.at + offset,
      mu.at + offset,
      logvar.at + offset,
      this.#eps.at + offset,
      dz.stride,
      rows,
      dz.panels,
      this.#plan.at.weights + first * 4,
    );
    this.#backwardChain(this.#encoder, first, rows);
  }

  /** dy of every layer but the last, from the last to the first. */
  #backwardChain(chain: readonly Dense[], first: number, rows: number): void {
    const { activation } = this.#config;
    const derivative = activation === "relu" ? this.#kernels.reluBackward : this.#kernels.tanhBackward;
    for (let i = chain.length - 1; i > 0; i--) {
      const { y, dy } = chain[i - 1];
      const offset = first * ROW_BYTES;
      this.#backwardInput(chain[i], dy, first, rows);
      derivative(dy.at + offset, y.at + offset, y.stride, rows, y.panels);
    }
  }

  /** dx = dy·Wᵀ, by way of the transposes, which the kernel wants. */
  #backwardInput({ dy, w, k }: Dense, dx: Matrix, first: number, rows: number): void {
    const blocks = Math.ceil(rows / LANES);
    const square = LANES * ROW_BYTES;
    const block = first / LANES;
    const room = this.#room;
    const dyT = this.#plan.at["dy transposed"] + block * room;
    const dxT = this.#plan.at["dx transposed"] + block * room;
    const offset = first * ROW_BYTES;
    const kernels = this.#kernels;
    kernels.transpose(dyT, room, square, dy.at + offset, square, dy.stride, blocks, dy.panels);
    const n = dy.panels * LANES;
    kernels.linearBackwardInput(dxT, room, dyT, room, this.#parameters + w, blocks, k, n, this.#tile);
    kernels.transpose(dx.at + offset, square, dx.stride, dxT, room, square, blocks, dx.panels);
  }

  /**
   * What worker `rank` of `size` updates of each layer. In the first layer a column costs its part of Adam and what its
   * `densities` (of data that are not zero, for each 16 columns) add.
   */
  shares(rank: number, size: number, densities?: readonly number[]): WeightShares {
    return this.#layers.map(({ dy, k }, index) => {
      const together = Math.ceil(k / LISTED_TOGETHER);
      const [from, to] =
        index === 0 && densities
          ? shareByCost(
              Array.from({ length: together }, (_, i) => {
                return ADAM_COST + densities[Math.floor((i * LISTED_TOGETHER) / LANES)];
              }),
              rank,
              size,
            )
          : share(together, rank, size);
      return {
        blocks: share(dy.panels * panelsOf(k), rank, size),
        columns: [from * LISTED_TOGETHER, to * LISTED_TOGETHER],
      };
    });
  }

  /**
   * Adam's update of the shares of every weight matrix, from the gradient over all `batch` rows. `gradient` is room of
   * GRADIENT_BYTES, `adam` the step's coefficients; m and v are the regions of those names.
   */
  update(shares: WeightShares, batch: number, gradient: number, adam: number): void {
    for (let i = 0; i < shares.length; i++) {
      const layer = this.#layers[i];
      // all workers see the same numbers here and so go the same way
      if (this.#isSparse(layer, 0, batch))
        this.#updateSparse(layer, shares[i].columns, batch, gradient, adam);
      else this.#update(layer, shares[i].blocks, batch, gradient, adam);
    }
  }

  #update({ x, dy, w, k }: Dense, [from, to]: Range, batch: number, gradient: number, adam: number): void {
    const { m, v } = this.#plan.at;
    this.#kernels.linearUpdate(
      this.#parameters + w,
      m + w,
      v + w,
      x.at,
      x.stride,
      dy.at,
      dy.stride,
      batch,
      k,
      from,
      to,
      gradient,
      adam,
      this.#tile,
    );
  }

  #updateSparse(layer: Dense, [from, to]: Range, batch: number, gradient: number, adam: number): void {
    const { x, dy, w, k } = layer;
    const { m, v } = this.#plan.at;
    const { columns, columnStride, columnEnds, columnEndStride } = layer.lists!;
    const kernels = this.#kernels;
    kernels.listColumns(columns, columnStride, columnEnds, columnEndStride, x.at, x.stride, batch, from, to);
    kernels.linearUpdateSparse(
      this.#parameters + w,
      m + w,
      v + w,
      columns,
      columnStride,
      columnEnds,
      columnEndStride,
      dy.at,
      dy.stride,
      batch,
      dy.panels,
      k,
      from,
      to,
      gradient,
      adam,
      this.#tile,
    );
  }

  /** The gradient of all parameters over `batch` rows, laid out as they are, into a buffer of their size. */
  gradient(to: number, batch: number): void {
    for (const { x, dy, w, k } of this.#layers) {
      this.#kernels.linearBackwardWeight(
        to + w,
        x.at,
        x.stride,
        dy.at,
        dy.stride,
        batch,
        k,
        0,
        dy.panels * panelsOf(k),
        this.#tile,
      );
    }
  }
}
