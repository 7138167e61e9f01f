import { seedKey } from "../random/philox.ts";
import { PURPOSE } from "../random/purpose.ts";
import { Arena, growTo, type Region } from "../wasm/arena.ts";
import type { Arithmetic } from "../wasm/builds.ts";
import { type Instance, instantiate } from "../wasm/instance.ts";
import { Kernels } from "../wasm/kernels.ts";
import { type Matrix, readMatrix, writeMatrix } from "../wasm/matrix.ts";
import { expectModule } from "../wasm/module.ts";
import { platform } from "../wasm/platform.ts";
import { chooseTile, type TileName } from "../wasm/tiles.ts";
import {
  checkConfig,
  checkCount,
  checkSamples,
  checkTile,
  type PartialVaeConfig,
  type VaeConfig,
} from "./config.ts";
import { expectFinite } from "./finite.ts";
import { Network } from "./network.ts";
import { planNetwork } from "./network-memory.ts";
import { eachTerm, lossOf, TERMS, type Terms } from "./objective.ts";
import {
  expectTensors,
  initialize,
  type ParameterTable,
  packTensors,
  parameterTable,
  unpackTensors,
} from "./parameters.ts";
import {
  bytesPerValue,
  countRows,
  expectSupport,
  expectValues,
  placeRows,
  type RowValues,
} from "./row-values.ts";
import { expectRight } from "./self-check.ts";
import type { NamedTensor, Tensors } from "./tensors.ts";

/** Rows that are worked on at once: enough to keep the kernels busy, few enough to stay in the cache. */
const CHUNK = 64;
const USE = { capacity: CHUNK, training: false, sparse: false, listHidden: false } as const;

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

/** The terms of the negative ELBO of each row, in nats: −log p(x|z) with one posterior sample, and KL(q(z|x) ‖ p(z)). */
export type RowLosses = Terms<Float64Array>;

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
  readonly #network: Network;
  readonly #memory: WebAssembly.Memory;
  readonly #parameters: Region;
  /** Rows of data on their way into the network, and the numbers 0, 1, 2, …. */
  readonly #staging: Region;
  readonly #sequence: Region;

  private constructor(
    config: VaeConfig,
    { exports, memory, arithmetic }: Instance,
    choice: ModelKernels,
    tensors: Tensors | undefined,
  ) {
    this.config = config;
    this.arithmetic = arithmetic;
    this.kernels = choice;
    this.table = parameterTable(config);
    const arena = new Arena();
    this.#parameters = arena.region("parameters", this.table.bytes);
    const network = planNetwork(arena, config, USE);
    this.#staging = arena.region("staging", CHUNK * config.inputDim * 4);
    this.#sequence = arena.region("sequence", CHUNK * 4);
    growTo(memory, arena);
    this.#memory = memory;
    const kernels = new Kernels(exports, choice.tile);
    const { at } = this.#parameters;
    this.#network = new Network(kernels, config, network, { w: at, m: at, v: at }, memory.buffer);
    const sequence = new Uint32Array(memory.buffer, this.#sequence.at, CHUNK);
    sequence.set([...sequence.keys()]);
    if (tensors) this.setTensors(tensors);
    else initialize(kernels, this.table, at, config.seed);
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
    const { module, tile } = await platform().load(false, checked, options.arithmetic);
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
   * @throws {KernelError} when it is no module, one of other or damaged code, or one that needs a shared memory
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
    expectRight(module, tile, checked);
    return new Vae(checked, instance, { module, tile, handedIn: true }, options.tensors);
  }

  /** The parameters where they are in memory; a view that is good until the next call of any method. */
  get #values(): Float32Array {
    return new Float32Array(this.#memory.buffer, this.#parameters.at, this.#parameters.bytes / 4);
  }

  /** All weights and biases as copies, in PyTorch's [out, in] order and under its names. */
  tensors(): NamedTensor[] {
    return unpackTensors(this.table, this.#values);
  }

  /**
   * Takes weights and biases over; names and sizes must be those of `table.tensors`, others are passed over.
   *
   * @throws {ConfigError} when one is missing or has another size; nothing has been taken over then
   */
  setTensors(tensors: Tensors): void {
    expectTensors(this.table, tensors);
    packTensors(this.table, tensors, this.#values);
  }

  /**
   * The parameters in the kernels' own layout, for training to take over and give back.
   *
   * @internal
   */
  copyParameters(to: Float32Array): void {
    to.set(this.#values);
  }

  /**
   * The inverse of copyParameters.
   *
   * @internal
   */
  setParameters(from: Float32Array): void {
    this.#values.set(from);
  }

  /**
   * q(z|x) = N(mu, exp(logvar)): [rows, latentDim] each (Kingma & Welling 2013, appendix C.2).
   *
   * @param rows [rows, inputDim], row-major
   * @throws {ConfigError} when the rows have another width, or a number that the likelihood does not describe
   * @throws {DivergedError} when a result is not finite
   */
  encode(rows: RowValues): Posterior {
    const { latentDim } = this.config;
    const count = this.#countRows(rows);
    const mu = new Float32Array(count * latentDim);
    const logvar = new Float32Array(count * latentDim);
    const { latent } = this.#network.memory;
    for (const [first, size] of chunks(count)) {
      this.#load(rows, first, size);
      this.#network.encode([0, size]);
      this.#read(latent.mu, size, latentDim, mu, first);
      this.#read(latent.logvar, size, latentDim, logvar, first);
    }
    expectFinite("the latent mean", mu, latentDim);
    expectFinite("the latent log variance", logvar, latentDim);
    return { mu, logvar };
  }

  /**
   * The mean of p(x|z) for latent rows [rows, latentDim]: [rows, inputDim]; in [0, 1] for a Bernoulli likelihood.
   *
   * @throws {ConfigError} when the latent rows have another width
   */
  decode(latentRows: Float32Array): Float32Array {
    const { inputDim, latentDim } = this.config;
    const count = countRows("latent rows", latentRows, latentDim);
    const means = new Float32Array(count * inputDim);
    const { latent, out } = this.#network.memory;
    const floats = new Float32Array(this.#memory.buffer);
    for (const [first, size] of chunks(count)) {
      const steps = { start: first * latentDim, row: latentDim, column: 1 };
      writeMatrix(floats, latent.z, [size, latentDim], latentRows, steps);
      this.#network.decode([0, size]);
      this.#network.mean([0, size]);
      this.#read(out, size, inputDim, means, first);
    }
    return means;
  }

  /** The mean of p(x|z) at z = μ(x), without noise: [rows, inputDim]. Throws what `encode` throws. */
  reconstruct(rows: RowValues): Float32Array {
    return this.decode(this.encode(rows).mu);
  }

  /**
   * `count` rows decoded from z ~ N(0, I), a function of the seed (default: the model's): [count, inputDim]. They are the
   * means of p(x|z), not draws from it.
   *
   * @throws {ConfigError} when `count` is not a whole number from 1 to 2²⁴, or the seed is not allowed
   */
  sample(count: number, options: { seed?: number } = {}): Float32Array {
    return this.decode(this.prior(count, options));
  }

  /**
   * The z ~ N(0, I) that `sample` decodes: [count, latentDim].
   *
   * @throws {ConfigError} when `count` is not a whole number from 1 to 2²⁴, or the seed is not allowed
   */
  prior(count: number, { seed = this.config.seed }: { seed?: number } = {}): Float32Array {
    const { latentDim } = this.config;
    checkCount(count);
    const z = new Float32Array(count * latentDim);
    for (const [first, size] of chunks(count)) {
      this.#network.prior([0, size], { key: seedKey(seed), purpose: PURPOSE.sample, step: 0, row: first });
      this.#read(this.#network.memory.latent.z, size, latentDim, z, first);
    }
    return z;
  }

  /**
   * The negative ELBO of every row, in its two terms, in nats: −E[log p(x|z)] with one draw of z, and KL(q(z|x)‖p(z))
   * (Kingma & Welling 2013, equations 7 and 10). The noise is a function of the model's seed and the row's position.
   * Throws what `encode` throws.
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
   * @throws {ConfigError} when `samples` or `seed` is not allowed, and what `encode` throws
   */
  score(
    rows: RowValues,
    { samples = 1, seed = this.config.seed }: { samples?: number; seed?: number } = {},
  ): Float64Array {
    const { reconstruction, kl } = this.#negativeElbo(rows, checkSamples(samples), seed);
    return reconstruction.map((loss, row) => lossOf({ reconstruction: loss, kl: kl[row]! }));
  }

  #negativeElbo(rows: RowValues, samples: number, seed: number): RowLosses {
    const count = this.#countRows(rows);
    const losses = eachTerm(() => new Float64Array(count));
    const key = seedKey(seed);
    const found = this.#network.memory.objective.losses;
    for (const [first, size] of chunks(count)) {
      this.#load(rows, first, size);
      this.#network.encode([0, size]);
      for (let step = 0; step < samples; step++) {
        this.#network.evaluate([0, size], { key, purpose: PURPOSE.evaluation, step, row: first });
        const sample = new Float64Array(this.#memory.buffer, found.reconstruction.at, size);
        for (let i = 0; i < size; i++) losses.reconstruction[first + i]! += sample[i]! / samples;
      }
      losses.kl.set(new Float64Array(this.#memory.buffer, found.kl.at, size), first);
    }
    for (const term of TERMS) expectFinite(`the ${term} loss`, losses[term], 1);
    return losses;
  }

  #countRows(rows: RowValues): number {
    expectValues("rows", rows);
    const count = countRows("rows", rows, this.config.inputDim);
    expectSupport("", rows, this.config);
    return count;
  }

  /** `size` rows from `first` into the network's x. */
  #load(rows: RowValues, first: number, size: number): void {
    const { inputDim } = this.config;
    const part = rows.subarray(first * inputDim, (first + size) * inputDim);
    const { at } = this.#staging;
    placeRows(part, this.#memory.buffer, at);
    this.#network.gather([0, size], { at, bytesPerValue: bytesPerValue(part) }, this.#sequence.at);
  }

  /** The first rows of a matrix to row-major `to`, from its row `first` on. */
  #read(matrix: Matrix, rows: number, columns: number, to: Float32Array, first: number): void {
    const floats = new Float32Array(this.#memory.buffer);
    readMatrix(floats, matrix, [rows, columns], to, { start: first * columns, row: columns, column: 1 });
  }
}

/** All rows in chunks: the first row of each, and how many it has. */
function* chunks(count: number): Generator<readonly [first: number, size: number]> {
  for (let first = 0; first < count; first += CHUNK) yield [first, Math.min(CHUNK, count - first)];
}
