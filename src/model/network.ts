import { seedKey } from "../random/philox.ts";
import type { Plan } from "../wasm/arena.ts";
import { ACTIVATIONS, type Kernels, LANES, panelsOf, ROW_BYTES } from "../wasm/kernels.ts";
import type { VaeConfig } from "./config.ts";
import { type Dense, layerChains } from "./layers.ts";
import type { ParameterTable } from "./parameters.ts";
import { listStrides, type Matrix, matrixAt, type NetworkUse, widestPanels } from "./regions.ts";
import { share, shareByCost } from "./share.ts";

/** The blocks of every layer's weights that one worker updates, from the encoder's first layer to the decoder's last. */
export type WeightShares = readonly (readonly [from: number, to: number])[];

/** How a network does its work; it changes the time and no bit. */
export interface NetworkOptions extends NetworkUse {
  /** The kernels' tile, a code of TILES. */
  readonly tile: number;
}

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
  readonly #options: NetworkOptions;
  readonly #parameters: number;
  readonly #tile: number;
  readonly #key: readonly [number, number];
  readonly #lists: { readonly row: number; readonly column: number };
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
    options: NetworkOptions,
  ) {
    this.#kernels = kernels;
    this.#config = config;
    this.#plan = plan;
    this.#options = options;
    this.#parameters = plan.at.parameters;
    this.#tile = options.tile;
    this.#key = seedKey(config.seed);
    this.#lists = listStrides(config, options.capacity);
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
    const { encoder, decoder } = layerChains(config, table, (name) => this.#matrix(name), options.sparse);
    this.#encoder = encoder;
    this.#decoder = decoder;
    this.#layers = [...this.#encoder, ...this.#decoder];
    this.#dz = "d z" in plan.at ? this.#matrix("d z") : undefined;
  }

  #matrix(name: string): Matrix {
    return matrixAt(this.#plan, name, this.#options.capacity);
  }

  /** Rows of a dataset into x: u32 row numbers at `indices`, the dataset's values at `data`. */
  gather(first: number, rows: number, data: number, indices: number, bytes: boolean): void {
    const to = this.x.at + first * ROW_BYTES;
    const gather = bytes ? this.#kernels.gatherBytes : this.#kernels.gatherFloats;
    gather(to, this.x.stride, data, indices, rows, this.#config.inputDim);
    if (!this.#options.sparse) return;
    const lists = this.#plan.at["row lists"] + first * this.#lists.row;
    const counts = this.#plan.at["row counts"] + first * 4;
    this.#kernels.listRows(lists, this.#lists.row, counts, to, this.x.stride, rows, this.x.panels);
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

  #forward({ x, y, w, k, hidden, sparse }: Dense, first: number, rows: number): void {
    const to = y.at + first * ROW_BYTES;
    const activation = hidden ? ACTIVATIONS[this.#config.activation] : ACTIVATIONS.none;
    const weights = this.#parameters + w;
    const kernels = this.#kernels;
    if (sparse) {
      const lists = this.#plan.at["row lists"] + first * this.#lists.row;
      const counts = this.#plan.at["row counts"] + first * 4;
      kernels.linearSparse(
        to,
        y.stride,
        lists,
        this.#lists.row,
        counts,
        weights,
        rows,
        y.panels,
        k,
        activation,
        this.#tile,
      );
    } else {
      const from = x.at + first * ROW_BYTES;
      kernels.linear(to, y.stride, from, x.stride, weights, rows, y.panels, k, activation, this.#tile);
    }
  }

  /** The linear output becomes the mean of p(x|z): σ(logits), or itself for a Gaussian. */
  mean(first: number, rows: number): void {
    if (this.#config.likelihood === "gaussian") return;
    this.#kernels.sigmoid(this.out.at + first * ROW_BYTES, this.out.stride, rows, this.out.panels);
  }

  /** Both terms of the negative ELBO, a row each; the output becomes the gradient of the reconstruction term. */
  losses(first: number, rows: number): void {
    const { x, out, mu, logvar } = this;
    const { inputDim, likelihood } = this.#config;
    const offset = first * ROW_BYTES;
    const scratch = this.#plan.at.scratch + 2 * offset;
    this.#kernels[likelihood](
      this.reconstruction + first * 8,
      out.at + offset,
      x.at + offset,
      x.stride,
      rows,
      inputDim,
      scratch,
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
   * What worker `rank` of `size` updates of each layer. In a sparse first layer a block of columns costs its part of
   * Adam and what its `densities` (of data that are not zero) add.
   */
  shares(rank: number, size: number, densities?: readonly number[]): WeightShares {
    return this.#layers.map(({ dy, k, sparse }) =>
      sparse && densities
        ? shareByCost(
            densities.map((density) => ADAM_COST + density),
            rank,
            size,
          )
        : share(dy.panels * panelsOf(k), rank, size),
    );
  }

  /**
   * Adam's update of the shares of every weight matrix, from the gradient over all `batch` rows. `gradient` is room of
   * GRADIENT_BYTES, `adam` the step's coefficients; m and v are the regions of those names.
   */
  update(shares: WeightShares, batch: number, gradient: number, adam: number): void {
    const { m, v } = this.#plan.at;
    for (let i = 0; i < shares.length; i++) {
      const { x, dy, w, k, sparse } = this.#layers[i];
      const [from, to] = shares[i];
      if (sparse) {
        this.#updateSparse(this.#layers[i], from, to, batch, gradient, adam);
        continue;
      }
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
  }

  #updateSparse(layer: Dense, from: number, to: number, batch: number, gradient: number, adam: number): void {
    const { x, dy, w, k } = layer;
    const { at } = this.#plan;
    const lists = at["column lists"];
    const counts = at["column counts"];
    const stride = this.#lists.column;
    this.#kernels.listColumns(lists, stride, counts, x.at, x.stride, batch, from, to);
    this.#kernels.linearUpdateSparse(
      this.#parameters + w,
      at.m + w,
      at.v + w,
      lists,
      stride,
      counts,
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
