import { ConfigError } from "../errors.ts";
import { PURPOSE } from "../random/purpose.ts";
import { growTo, planMemory } from "../wasm/arena.ts";
import type { Arithmetic } from "../wasm/builds.ts";
import { type BuildInstance, elementIndex, instantiate, LANES } from "../wasm/kernels.ts";
import { expectModule } from "../wasm/module.ts";
import { platform } from "../wasm/platform.ts";
import { chooseTile, type TileName } from "../wasm/tiles.ts";
import { checkConfig, checkSamples, checkTile, type PartialVaeConfig, type VaeConfig } from "./config.ts";
import { Network } from "./network.ts";
import {
  expectTensors,
  initialize,
  type NamedTensor,
  type ParameterTable,
  packTensors,
  parameterTable,
  unpackTensors,
} from "./parameters.ts";
import { type Matrix, networkRegions } from "./regions.ts";

/** Rows that are worked on at once: enough to keep the kernels busy, few enough to stay in the cache. */
const CHUNK = 64;
const USE = { capacity: CHUNK, training: false, sparse: false, listHidden: false } as const;

/** Rows of data, row-major: float32 in [0, 1], or bytes that stand for value / 255. */
export type RowValues = Float32Array | Uint8Array;

/** Weights and biases by their names, as `parseModel` gives them: [out, in] or [out], row-major. */
export type Tensors = ReadonlyMap<string, Pick<NamedTensor, "data">>;

/**
 * The kernels that a model runs on.
 *
 * @internal
 */
export interface ModelKernels {
  /** A build that owns its memory. */
  readonly module: WebAssembly.Module;
  readonly tile: TileName;
  /** Whether the caller handed the module in, so that no other build may be within reach. */
  readonly handedIn: boolean;
}

/** q(z|x) of some rows, row-major. */
export interface Posterior {
  /** The means, [rows, latentDim]. */
  readonly mu: Float32Array;
  /** The logarithms of the variances, [rows, latentDim]. */
  readonly logvar: Float32Array;
}

/** The two terms of the negative ELBO, a row each, in nats. */
export interface RowLosses {
  /** −log p(x|z) with one draw of z, [rows]. */
  readonly reconstruction: Float64Array;
  /** KL(q(z|x) ‖ p(z)) in closed form, [rows]. */
  readonly kl: Float64Array;
}

/**
 * A variational autoencoder (Kingma & Welling 2013) of dense layers, on one thread.
 *
 * Inputs and outputs are row-major Float32Arrays; a result is a copy that stays the caller's.
 */
export class Vae {
  /** All its settings, with the defaults filled in. */
  readonly config: VaeConfig;
  /** Names, shapes and places of the parameters. */
  readonly table: ParameterTable;
  /** How its kernels round. */
  readonly arithmetic: Arithmetic;
  /**
   * For training on this thread.
   *
   * @internal
   */
  readonly kernels: ModelKernels;
  /** The network with the noise of a seed; all of them work in the same memory. */
  readonly #seeded: (seed: number) => Network;
  readonly #network: Network;
  readonly #memory: WebAssembly.Memory;
  readonly #at: Readonly<Record<"parameters" | "staging" | "sequence", number>>;

  private constructor(
    config: VaeConfig,
    instance: BuildInstance,
    choice: ModelKernels,
    tensors: Tensors | undefined,
  ) {
    const { kernels, memory, arithmetic } = instance;
    this.config = config;
    this.arithmetic = arithmetic;
    this.kernels = choice;
    this.table = parameterTable(config);
    const use = { ...USE, tile: choice.tile };
    const plan = planMemory({
      parameters: this.table.bytes,
      ...networkRegions(config, use),
      staging: CHUNK * config.inputDim * 4,
      sequence: CHUNK * 4,
    });
    growTo(memory, plan);
    this.#memory = memory;
    this.#at = { parameters: plan.at.parameters, staging: plan.at.staging, sequence: plan.at.sequence };
    this.#seeded = (seed) => new Network(kernels, { ...config, seed }, this.table, plan, use);
    this.#network = this.#seeded(config.seed);
    const sequence = new Uint32Array(memory.buffer, plan.at.sequence, CHUNK);
    for (let i = 0; i < CHUNK; i++) sequence[i] = i;
    if (tensors) this.setTensors(tensors);
    else initialize(kernels, this.table, plan.at.parameters, config.seed);
  }

  /**
   * A new model with initial weights from its seed, or with `tensors` (those of a file, say). What is left out of the
   * config is VAE_DEFAULTS'.
   *
   * @throws {ConfigError} when a setting is not allowed
   * @throws {MemoryLimitError} when the model does not fit a WebAssembly memory
   * @throws {KernelError} when the engine cannot run the kernels
   */
  static async create(
    config: PartialVaeConfig,
    options: { arithmetic?: Arithmetic; tensors?: Tensors } = {},
  ): Promise<Vae> {
    const checked = checkConfig(config);
    const { module, tile } = await platform().load(false, options.arithmetic);
    return new Vae(checked, instantiate(module), { module, tile, handedIn: false }, options.tensors);
  }

  /**
   * The same from kernels that the caller has compiled, at once: for runtimes that give code as a WebAssembly.Module and
   * compile nothing themselves. Such a model runs and trains on this thread alone.
   *
   * @param module elbow-vae/kernels.wasm, or elbow-vae/kernels.relaxed.wasm where the engine knows relaxed SIMD. Where it
   *   comes as bytes and compiling is allowed, `new WebAssembly.Module(bytes)` makes it.
   * @param options.tile how the kernels go about a product, which changes the time and no bit; by default the one that
   *   is good everywhere
   * @throws {ConfigError} when a setting is not allowed
   * @throws {MemoryLimitError} when the model does not fit a WebAssembly memory
   * @throws {KernelError} when it is no module, one of other code, or one that needs a shared memory
   */
  static fromModule(
    config: PartialVaeConfig,
    module: WebAssembly.Module,
    options: { tensors?: Tensors; tile?: TileName } = {},
  ): Vae {
    const checked = checkConfig(config);
    expectModule(module);
    const instance = instantiate(module);
    const tile = checkTile(options.tile ?? chooseTile(instance.arithmetic, { revectorized: false }));
    return new Vae(checked, instance, { module, tile, handedIn: true }, options.tensors);
  }

  /** The parameters as they lie in memory; a view that is good until the next call of any method. */
  get #parameters(): Float32Array {
    return new Float32Array(this.#memory.buffer, this.#at.parameters, this.table.bytes / 4);
  }

  /** All weights and biases as copies, in PyTorch's [out, in] order and under its names. */
  tensors(): NamedTensor[] {
    return unpackTensors(this.table, this.#parameters);
  }

  /**
   * Takes weights and biases over; names and sizes must be those of `table.tensors`, others are passed over.
   *
   * @throws {ConfigError} where one is missing or has another size; nothing has been taken over then
   */
  setTensors(tensors: Tensors): void {
    expectTensors(this.table, tensors);
    packTensors(this.table, tensors, this.#parameters);
  }

  /**
   * The parameters in the kernels' own layout, for training to take over and give back.
   *
   * @internal
   */
  copyParameters(to: Float32Array): void {
    to.set(this.#parameters);
  }

  /**
   * The inverse of copyParameters.
   *
   * @internal
   */
  setParameters(from: Float32Array): void {
    this.#parameters.set(from);
  }

  /**
   * q(z|x) = N(mu, exp(logvar)): [rows, latentDim] each (Kingma & Welling 2013, appendix C.2).
   *
   * @param rows [rows, inputDim], row-major; their numbers are not checked, as `train` checks them
   * @throws {ConfigError} where the rows have another width
   */
  encode(rows: RowValues): Posterior {
    const { latentDim } = this.config;
    const count = this.#countRows(rows);
    const mu = new Float32Array(count * latentDim);
    const logvar = new Float32Array(count * latentDim);
    for (let first = 0; first < count; first += CHUNK) {
      const size = this.#load(rows, first, count);
      this.#network.encode(0, size);
      this.#read(this.#network.mu, size, latentDim, mu, first);
      this.#read(this.#network.logvar, size, latentDim, logvar, first);
    }
    return { mu, logvar };
  }

  /**
   * The mean of p(x|z) for latent rows [rows, latentDim]: [rows, inputDim]; in [0, 1] for a Bernoulli likelihood.
   *
   * @throws {ConfigError} where the latent rows have another width
   */
  decode(latent: Float32Array): Float32Array {
    const { inputDim, latentDim } = this.config;
    const count = countRows("latent rows", latent, latentDim);
    const means = new Float32Array(count * inputDim);
    for (let first = 0; first < count; first += CHUNK) {
      const size = Math.min(CHUNK, count - first);
      this.#write(this.#network.z, size, latentDim, latent, first);
      this.#network.decode(0, size);
      this.#network.mean(0, size);
      this.#read(this.#network.out, size, inputDim, means, first);
    }
    return means;
  }

  /**
   * The mean of p(x|z) at z = μ(x), without noise: [rows, inputDim].
   *
   * @throws {ConfigError} where the rows have another width
   */
  reconstruct(rows: RowValues): Float32Array {
    return this.decode(this.encode(rows).mu);
  }

  /**
   * `count` rows decoded from z ~ N(0, I), a function of the seed (default: the model's): [count, inputDim]. They are the
   * means of p(x|z), not draws from it.
   *
   * @throws {ConfigError} where `count` is not a whole number from 1 to 2²⁴, or the seed is not allowed
   */
  sample(count: number, options: { seed?: number } = {}): Float32Array {
    return this.decode(this.prior(count, options));
  }

  /**
   * The z ~ N(0, I) that `sample` decodes: [count, latentDim].
   *
   * @throws {ConfigError} where `count` is not a whole number from 1 to 2²⁴, or the seed is not allowed
   */
  prior(count: number, { seed = this.config.seed }: { seed?: number } = {}): Float32Array {
    const { latentDim } = this.config;
    if (!Number.isInteger(count) || count < 1 || count > 2 ** 24) {
      throw new ConfigError(
        `the number of samples must be a whole number from 1 to ${2 ** 24}, not ${count}`,
      );
    }
    const z = new Float32Array(count * latentDim);
    for (let first = 0; first < count; first += CHUNK) {
      const size = Math.min(CHUNK, count - first);
      this.#network.prior(0, size, first, PURPOSE.sample, seed);
      this.#read(this.#network.z, size, latentDim, z, first);
    }
    return z;
  }

  /**
   * The negative ELBO of every row, in its two terms, in nats: −E[log p(x|z)] with one draw of z, and KL(q(z|x)‖p(z))
   * (Kingma & Welling 2013, equations 7 and 10). The noise is a function of the model's seed and the row's position.
   *
   * @throws {ConfigError} where the rows have another width
   */
  losses(rows: RowValues): RowLosses {
    return this.#negativeElbo(rows, 1, this.config.seed);
  }

  /**
   * How badly the model describes every row, which makes it a score of anomalies: the negative ELBO in nats, a row each,
   * KL(q(z|x)‖p(z)) − E[log p(x|z)] with the expectation as the mean over `samples` draws of z (Kingma & Welling 2013,
   * equations 7 and 10). One draw with the model's own seed gives the sum of the two terms of `losses`.
   *
   * The noise is a function of the row's position, the draw and the seed (default: the model's).
   *
   * @throws {ConfigError} where the rows have another width, or `samples` or `seed` is not allowed
   */
  score(
    rows: RowValues,
    { samples = 1, seed = this.config.seed }: { samples?: number; seed?: number } = {},
  ): Float64Array {
    const { reconstruction, kl } = this.#negativeElbo(rows, checkSamples(samples), seed);
    return reconstruction.map((loss, row) => loss + kl[row]);
  }

  #negativeElbo(rows: RowValues, samples: number, seed: number): RowLosses {
    const count = this.#countRows(rows);
    const reconstruction = new Float64Array(count);
    const kl = new Float64Array(count);
    const network = seed === this.config.seed ? this.#network : this.#seeded(seed);
    for (let first = 0; first < count; first += CHUNK) {
      const size = this.#load(rows, first, count);
      network.encode(0, size);
      for (let draw = 0; draw < samples; draw++) {
        network.sample(0, size, first, draw, PURPOSE.evaluation);
        network.decode(0, size);
        network.losses(0, size);
        const found = new Float64Array(this.#memory.buffer, network.reconstruction, size);
        for (let i = 0; i < size; i++) reconstruction[first + i] += found[i] / samples;
      }
      kl.set(new Float64Array(this.#memory.buffer, network.kl, size), first);
    }
    return { reconstruction, kl };
  }

  #countRows(rows: RowValues): number {
    if (!(rows instanceof Float32Array || rows instanceof Uint8Array)) {
      throw new ConfigError("the rows must be a Float32Array or a Uint8Array, row-major");
    }
    return countRows("rows", rows, this.config.inputDim);
  }

  /** Rows `first`, … into the network's x; gives how many. */
  #load(rows: RowValues, first: number, count: number): number {
    const { inputDim } = this.config;
    const size = Math.min(CHUNK, count - first);
    const part = rows.subarray(first * inputDim, (first + size) * inputDim);
    const bytes = part instanceof Uint8Array;
    const Staging = bytes ? Uint8Array : Float32Array;
    new Staging(this.#memory.buffer, this.#at.staging, part.length).set(part);
    this.#network.gather(0, size, this.#at.staging, this.#at.sequence, bytes);
    return size;
  }

  /** The first rows of a matrix of panels to row-major `to`, from its row `first` on. */
  #read(matrix: Matrix, rows: number, columns: number, to: Float32Array, first: number): void {
    const floats = new Float32Array(this.#memory.buffer);
    for (let column = 0; column < columns; column++) {
      const from = matrix.at / 4 + elementIndex(matrix.stride, 0, column);
      for (let r = 0; r < rows; r++) to[(first + r) * columns + column] = floats[from + r * LANES];
    }
  }

  /** The inverse of #read. */
  #write(matrix: Matrix, rows: number, columns: number, from: Float32Array, first: number): void {
    const floats = new Float32Array(this.#memory.buffer);
    for (let column = 0; column < columns; column++) {
      const to = matrix.at / 4 + elementIndex(matrix.stride, 0, column);
      for (let r = 0; r < rows; r++) floats[to + r * LANES] = from[(first + r) * columns + column];
    }
  }
}

function countRows(what: string, values: ArrayLike<number>, width: number): number {
  if (values.length % width === 0) return values.length / width;
  throw new ConfigError(`expected ${what} of ${width} numbers each, found ${values.length} numbers in all`);
}
