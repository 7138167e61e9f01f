import { ConfigError } from "../errors.ts";
import { TILES, type TileName } from "../wasm/tiles.ts";

/** Every setting that decides what a model is. With the data and the training settings it decides every bit of it. */
export interface VaeConfig {
  /** Numbers in a row of data, D. */
  readonly inputDim: number;
  /** Widths of the encoder's hidden layers; the decoder has them in reverse. */
  readonly hidden: readonly number[];
  /** Latent dimensions, L. */
  readonly latentDim: number;
  /** Behind every hidden layer. */
  readonly activation: Activation;
  /** p(x|z), which decides the last layer and the reconstruction loss. */
  readonly likelihood: Likelihood;
  /** Decides initial weights, noise and the order of rows: an integer from 0 to 2⁵³ − 1. */
  readonly seed: number;
}

/** What stands behind a hidden layer: max(0, x), or the hyperbolic tangent. */
export type Activation = "relu" | "tanh";
export const ACTIVATION_NAMES = ["relu", "tanh"] as const satisfies readonly Activation[];

/**
 * p(x|z): Bernoulli for numbers in [0, 1], whose mean is the sigmoid of the last layer and whose loss is the binary
 * cross-entropy; or Gaussian of unit variance for any finite numbers, whose mean is the last layer and whose loss is
 * ½‖x − mean‖², without the constant ½·D·log 2π. In nats, summed over the D numbers of a row.
 */
export type Likelihood = "bernoulli" | "gaussian";
export const LIKELIHOOD_NAMES = ["bernoulli", "gaussian"] as const satisfies readonly Likelihood[];

/**
 * What a Gaussian likelihood of unit variance adds to every row's loss, whatever the model: kept out of all losses.
 *
 * @internal
 */
export function gaussianConstant(inputDim: number): number {
  return 0.5 * inputDim * Math.log(2 * Math.PI);
}

/** What a model is where nothing else is said: the original program's. */
export const VAE_DEFAULTS = {
  /** One hidden layer. */
  hidden: [400],
  /** A plane, so that it can be drawn. */
  latentDim: 2,
  /** max(0, x). */
  activation: "relu",
  /** For numbers in [0, 1]. */
  likelihood: "bernoulli",
  /** Another seed gives other weights, noise and order. */
  seed: 0,
} as const satisfies Omit<VaeConfig, "inputDim">;

/** How a model is trained where nothing else is said: the original program's settings. */
export const TRAIN_DEFAULTS = {
  /** Times that the data are gone through. */
  epochs: 10,
  /** Rows of a step. */
  batchSize: 128,
  /** Adam's step size. */
  learningRate: 1e-3,
} as const;

/** Steps of a trace where nothing else is said. */
export const TRACE_STEPS = 100;

/** The rest of Adam's settings (Kingma & Ba 2015, algorithm 1), which are torch.optim.Adam's and fixed. */
export const ADAM = {
  /** How much of the first moment stays from step to step. */
  beta1: 0.9,
  /** How much of the second moment stays. */
  beta2: 0.999,
  /** Added to the root of the second moment. */
  epsilon: 1e-8,
} as const;

/** Wider or deeper than this is a mistake rather than a model that a CPU could train. */
const MOST_WIDTH = 2 ** 20;
const MOST_DEPTH = 64;

function expectInteger(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new ConfigError(`${name} must be a whole number from ${least} to ${most}, not ${String(value)}`);
}

/**
 * A misspelt setting would silently be its default.
 *
 * @internal
 */
export function expectKnown(what: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new ConfigError(`${what} must be among ${known.join(", ")}, not ${unknown}`);
}

function expectOneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((option) => option === value);
  if (found !== undefined) return found;
  throw new ConfigError(`${name} must be ${allowed.join(" or ")}, not ${String(value)}`);
}

/**
 * A whole config from a partial one, with the defaults filled in.
 *
 * @throws {ConfigError} naming the setting, what is allowed and what was given
 *
 * @internal
 */
export function checkConfig(given: Partial<VaeConfig> & Pick<VaeConfig, "inputDim">): VaeConfig {
  expectKnown("a model's settings", given, ["inputDim", ...Object.keys(VAE_DEFAULTS)]);
  const hidden: unknown = given.hidden ?? VAE_DEFAULTS.hidden;
  if (!Array.isArray(hidden) || hidden.length < 1 || hidden.length > MOST_DEPTH) {
    throw new ConfigError(
      `hidden must be a list of 1 to ${MOST_DEPTH} widths, such as [400], not ${String(hidden)}`,
    );
  }
  return {
    inputDim: expectInteger("inputDim", given.inputDim, 1, MOST_WIDTH),
    hidden: hidden.map((width) => expectInteger("a hidden width", width, 1, MOST_WIDTH)),
    latentDim: expectInteger("latentDim", given.latentDim ?? VAE_DEFAULTS.latentDim, 1, MOST_WIDTH),
    activation: expectOneOf("activation", given.activation ?? VAE_DEFAULTS.activation, ACTIVATION_NAMES),
    likelihood: expectOneOf("likelihood", given.likelihood ?? VAE_DEFAULTS.likelihood, LIKELIHOOD_NAMES),
    seed: expectInteger("seed", given.seed ?? VAE_DEFAULTS.seed, 0, Number.MAX_SAFE_INTEGER),
  };
}

/** The settings of training that decide the result; how many workers do it decides nothing but its time. */
export interface TrainingConfig {
  /** Rows of a step, from 1 to 65536; the last step of an epoch has what is left over. */
  readonly batchSize: number;
  /** Adam's step size α, above 0. */
  readonly learningRate: number;
}

/** The largest batch: its activations still fit a WebAssembly memory for any model worth training. */
const MOST_BATCH = 65536;

/**
 * @throws {ConfigError} naming the setting, what is allowed and what was given
 *
 * @internal
 */
export function checkTraining(given: Partial<TrainingConfig>): TrainingConfig {
  const learningRate: unknown = given.learningRate ?? TRAIN_DEFAULTS.learningRate;
  if (typeof learningRate !== "number" || !(learningRate > 0) || learningRate === Infinity) {
    throw new ConfigError(`learningRate must be a number above 0, such as 1e-3, not ${String(learningRate)}`);
  }
  const batchSize = given.batchSize ?? TRAIN_DEFAULTS.batchSize;
  return { batchSize: expectInteger("batchSize", batchSize, 1, MOST_BATCH), learningRate };
}

/**
 * @throws {ConfigError} when `epochs` is not a whole number of them
 *
 * @internal
 */
export function checkEpochs(epochs: unknown = TRAIN_DEFAULTS.epochs): number {
  return expectInteger("epochs", epochs, 1, 1e6);
}

/**
 * @throws {ConfigError} when `steps` is not a whole number of them
 *
 * @internal
 */
export function checkSteps(steps: unknown): number {
  return expectInteger("steps", steps, 1, 1e6);
}

/**
 * More threads than this share no memory well.
 *
 * @internal
 */
export const MOST_WORKERS = 256;

/**
 * @throws {ConfigError} when `workers` is not a whole number that a machine could run
 *
 * @internal
 */
export function checkWorkers(workers: unknown): number {
  return expectInteger("workers", workers, 1, MOST_WORKERS);
}

/**
 * @throws {ConfigError} when there is no such tile
 *
 * @internal
 */
export function checkTile(tile: unknown): TileName {
  return expectOneOf("tile", tile, Object.keys(TILES) as TileName[]);
}

/** Draws of z for a row's score; the mean of more hardly moves any further. */
const MOST_SAMPLES = 65536;

/**
 * @throws {ConfigError} naming what is allowed and what was given
 *
 * @internal
 */
export function checkSamples(samples: unknown): number {
  return expectInteger("samples", samples, 1, MOST_SAMPLES);
}
