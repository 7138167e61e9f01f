import { seedKey } from "../random/philox.ts";
import type { Plan } from "../wasm/arena.ts";
import { roundUp } from "../wasm/arena.ts";
import { ACTIVATIONS, type Kernels, LANES, panelsOf, ROW_BYTES } from "../wasm/kernels.ts";
import type { VaeConfig } from "./config.ts";
import type { ParameterTable } from "./parameters.ts";

/** A matrix of activations in memory: panels of 16 columns, `stride` bytes apart. */
export interface Matrix {
  readonly at: number;
  readonly stride: number;
  readonly panels: number;
}

/** y = f(x·W + b), with the place of everything that it reads and writes. */
interface Dense {
  readonly x: Matrix;
  readonly y: Matrix;
  readonly dy: Matrix;
  /** Byte offset of its weights in the buffer of parameters. */
  readonly w: number;
  readonly k: number;
  readonly hidden: boolean;
}

/** A matrix's size: columns, or the two halves of the encoder's output, each padded to whole panels. */
function widths({ inputDim, hidden, latentDim }: VaeConfig): Record<string, number> {
  const latent = panelsOf(latentDim) * LANES;
  const decoder = hidden.toReversed();
  return {
    x: inputDim,
    ...Object.fromEntries(hidden.map((n, i) => [`encoder.${i}`, n])),
    heads: 2 * latent,
    eps: latent,
    z: latent,
    ...Object.fromEntries(decoder.map((n, i) => [`decoder.${i}`, n])),
    out: inputDim,
  };
}

function widestPanels(table: Readonly<Record<string, number>>): number {
  return Math.max(...Object.values(table).map(panelsOf));
}

/** Rows are kept apart from the next panel by this many, so that panels do not all fall into the same cache sets. */
const STAGGER = 4;

function strideOf(capacity: number): number {
  return (roundUp(capacity, LANES) + STAGGER) * ROW_BYTES;
}

/**
 * The regions of memory that a network needs to work on `capacity` rows at a time, in bytes; `training` adds what
 * backpropagation needs.
 */
export function networkRegions(
  config: VaeConfig,
  capacity: number,
  training: boolean,
): Record<string, number> {
  const stride = strideOf(capacity);
  const rows = roundUp(capacity, LANES);
  const table = widths(config);
  const sized = (name: string): number => panelsOf(table[name]) * stride;
  const regions: Record<string, number> = {};
  for (const name of Object.keys(table)) regions[name] = sized(name);
  regions.reconstruction = rows * 8;
  regions.kl = rows * 8;
  regions.scratch = rows * 2 * ROW_BYTES;
  if (!training) return regions;
  for (const name of Object.keys(table)) {
    // x has no gradient, and out is overwritten by its own
    if (name !== "x" && name !== "eps" && name !== "out") regions[`d ${name}`] = sized(name);
  }
  const transposed = widestPanels(table) * rows * ROW_BYTES;
  regions["dy transposed"] = transposed;
  regions["dx transposed"] = transposed;
  return regions;
}

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
  readonly #widest: number;
  readonly #key: readonly [number, number];
  readonly #encoder: readonly Dense[];
  readonly #decoder: readonly Dense[];
  readonly #layers: readonly Dense[];
  readonly #eps: Matrix;
  readonly #dz: Matrix | undefined;

  /** `plan` holds networkRegions(config, capacity, …); the parameters stand at the region "parameters". */
  constructor(
    kernels: Kernels,
    config: VaeConfig,
    table: ParameterTable,
    plan: Plan<string>,
    capacity: number,
    tile: number,
  ) {
    this.#kernels = kernels;
    this.#config = config;
    this.#plan = plan;
    this.#capacity = capacity;
    this.#parameters = plan.at.parameters;
    this.#tile = tile;
    this.#widest = widestPanels(widths(config));
    this.#key = seedKey(config.seed);
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
    // fc_logvar's weights follow fc_mu's as its panels follow μ's: the two are one layer here
    const layers = table.layers.filter(({ name }) => name !== "fc_logvar");
    const depth = config.hidden.length;
    const names = Array.from({ length: depth }, (_, i) => i);
    const chain = (start: number, outputs: string[], input: Matrix): Dense[] =>
      outputs.map((name, i) => ({
        x: i === 0 ? input : this.#matrix(outputs[i - 1]),
        y: this.#matrix(name),
        dy: name === "out" ? this.out : this.#matrix(`d ${name}`),
        w: layers[start + i].offset,
        k: layers[start + i].k,
        hidden: i < depth,
      }));
    this.#encoder = chain(0, [...names.map((i) => `encoder.${i}`), "heads"], this.x);
    this.#decoder = chain(depth + 1, [...names.map((i) => `decoder.${i}`), "out"], this.z);
    this.#layers = [...this.#encoder, ...this.#decoder];
    this.#dz = "d z" in plan.at ? this.#matrix("d z") : undefined;
  }

  #matrix(name: string): Matrix {
    const stride = strideOf(this.#capacity);
    return { at: this.#plan.at[name], stride, panels: this.#plan.sizes[name] / stride };
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

  #forward({ x, y, w, k, hidden }: Dense, first: number, rows: number): void {
    const offset = first * ROW_BYTES;
    const activation = hidden ? ACTIVATIONS[this.#config.activation] : ACTIVATIONS.none;
    const weights = this.#parameters + w;
    this.#kernels.linear(
      y.at + offset,
      y.stride,
      x.at + offset,
      x.stride,
      weights,
      rows,
      y.panels,
      k,
      activation,
      this.#tile,
    );
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
    // as wide as the widest layer, so that workers in different layers stay in blocks of their own
    const room = this.#widest * square;
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
   * Adam's update of this worker's share of every weight matrix, from the gradient over all `batch` rows.
   * `gradient` is room for 17 rows, `adam` the step's coefficients; m and v are the regions of those names.
   */
  update(rank: number, size: number, batch: number, gradient: number, adam: number): void {
    const { m, v } = this.#plan.at;
    for (const { x, dy, w, k } of this.#layers) {
      const [from, to] = share(dy.panels * panelsOf(k), rank, size);
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

/** The part of `count` that belongs to worker `rank` of `size`: sizes differ by one at most. */
export function share(count: number, rank: number, size: number): readonly [from: number, to: number] {
  return [Math.floor((count * rank) / size), Math.floor((count * (rank + 1)) / size)];
}
