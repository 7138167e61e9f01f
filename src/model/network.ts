import type { Draws, Kernels, Source, UpdateRoom } from "../wasm/kernels.ts";
import type { Range } from "../wasm/matrix.ts";
import { layersOf } from "./architecture.ts";
import type { VaeConfig } from "./config.ts";
import { kindOf } from "./layers/kinds.ts";
import type { ParameterPlaces, PlacedLayer, Share } from "./layers/layer.ts";
import { LIKELIHOODS, type LikelihoodEntry } from "./likelihoods.ts";
import type { NetworkMemory } from "./network-memory.ts";
import { Objective } from "./objective.ts";
import { parameterTable } from "./parameters.ts";

/** What one worker updates of each layer's weights, encoder before decoder. */
export type Shares = readonly Share[];

/**
 * The VAE over one region of memory: forward, losses, and backpropagation by hand (Kingma & Welling 2013, algorithm 1), for
 * any range of rows, so that workers can share the memory. Backpropagation moves in blocks of 16 rows: its ranges begin at
 * multiples of 16.
 */
export class Network {
  readonly memory: NetworkMemory;
  readonly #kernels: Kernels;
  readonly #config: VaeConfig;
  readonly #objective: Objective;
  readonly #encoder: readonly PlacedLayer[];
  readonly #decoder: readonly PlacedLayer[];
  readonly #layers: readonly PlacedLayer[];
  readonly #parameters: number;
  readonly #mean: LikelihoodEntry["mean"];

  /** @param parameters byte offsets of all layers' parameters and of Adam's moments */
  constructor(
    kernels: Kernels,
    config: VaeConfig,
    memory: NetworkMemory,
    parameters: ParameterPlaces,
    buffer: ArrayBufferLike,
  ) {
    this.memory = memory;
    this.#kernels = kernels;
    this.#config = config;
    this.#objective = new Objective(kernels, config, memory.objective, buffer);
    const { w, m, v } = parameters;
    const { places } = parameterTable(config);
    this.#layers = layersOf(memory).map(({ layer, ...rest }, i) => {
      const { offset } = places[i]!;
      const own = { w: w + offset, m: m + offset, v: v + offset };
      return kindOf(layer).place(
        kernels,
        layer,
        { ...rest, parameters: own, transposes: memory.transposes },
        config,
      );
    });
    this.#encoder = this.#layers.slice(0, memory.encoder.length);
    this.#decoder = this.#layers.slice(memory.encoder.length);
    this.#parameters = w;
    const { mean }: LikelihoodEntry = LIKELIHOODS[config.likelihood];
    this.#mean = mean;
  }

  /** Rows of a dataset → x; u32 row numbers at `indices`. */
  gather(rows: Range, source: Source, indices: number): void {
    this.#kernels.gather(this.memory.x, this.#config.inputDim, rows, source, indices);
  }

  /** x → μ, log σ² */
  encode(rows: Range): void {
    for (const layer of this.#encoder) layer.forward(rows);
  }

  /** z = μ + σ⊙ε, ε ~ N(0, I) (section 2.4) */
  reparameterize(rows: Range, draws: Draws): void {
    this.#kernels.normal(this.memory.latent.eps, this.#config.latentDim, rows, draws);
    this.#kernels.reparameterize(this.memory.latent, rows);
  }

  /** z ~ N(0, I) */
  prior(rows: Range, draws: Draws): void {
    this.#kernels.normal(this.memory.latent.z, this.#config.latentDim, rows, draws);
  }

  /** z → the decoder's output: logits (Bernoulli) or means (Gaussian) */
  decode(rows: Range): void {
    for (const layer of this.#decoder) layer.forward(rows);
  }

  /** The decoder's output → the mean of p(x|z), in place */
  mean(rows: Range): void {
    if (this.#mean) this.#kernels[this.#mean](this.memory.out, rows);
  }

  /** Both terms of the negative ELBO of rows that are encoded, with one posterior sample each. */
  evaluate(rows: Range, draws: Draws): void {
    this.reparameterize(rows, draws);
    this.decode(rows);
    const { out, x, latent } = this.memory;
    this.#objective.evaluate(out, x, latent, rows);
  }

  /** The same and the gradients of all layers' outputs, from the last to the first. */
  differentiate(rows: Range, draws: Draws): void {
    this.reparameterize(rows, draws);
    this.decode(rows);
    this.backward(rows);
  }

  /** The second half of `differentiate`: losses and gradients of rows that are decoded. */
  backward(rows: Range): void {
    const { out, x, latent, dLatent } = this.memory;
    this.#objective.differentiate(out, x, latent, rows);
    for (const layer of this.#decoder.toReversed()) layer.backward(rows);
    this.#objective.latentBackward(dLatent!, latent, rows);
    for (const layer of this.#encoder.toReversed()) layer.backward(rows);
  }

  /** @param densities of the data's nonzeros, for each 16 columns, where they are sparse */
  shares(rank: number, size: number, densities?: readonly number[]): Shares {
    return this.#layers.map((layer) => layer.share(rank, size, densities));
  }

  /** Adam's update of one worker's shares, from the gradient over all `batch` rows. */
  update(shares: Shares, batch: number, room: UpdateRoom): void {
    for (const [i, layer] of this.#layers.entries()) layer.update(shares[i]!, batch, room);
  }

  /** The gradient of all parameters over `batch` rows, laid out as they are, at byte offset `to`. */
  gradient(to: number, batch: number): void {
    for (const layer of this.#layers) layer.gradient(to - this.#parameters, batch);
  }
}
