import { ConfigError } from "../errors.ts";

/** Every setting that decides what a model is. With the data and the training settings it decides every bit of it. */
export interface VaeConfig {
  /** Numbers in a row of data, D. */
  readonly inputDim: number;
  /** Widths of the encoder's hidden layers; the decoder has them in reverse. */
  readonly hidden: readonly number[];
  /** Latent dimensions, L. */
  readonly latentDim: number;
  readonly activation: Activation;
  readonly likelihood: Likelihood;
  /** Decides initial weights, noise and the order of rows. */
  readonly seed: number;
}

export const ACTIVATION_NAMES = ["relu", "tanh"] as const;
export type Activation = (typeof ACTIVATION_NAMES)[number];

export const LIKELIHOOD_NAMES = ["bernoulli", "gaussian"] as const;
export type Likelihood = (typeof LIKELIHOOD_NAMES)[number];

/** What a Gaussian likelihood of unit variance adds to every row's loss, whatever the model: kept out of all losses. */
export function gaussianConstant(inputDim: number): number {
  return 0.5 * inputDim * Math.log(2 * Math.PI);
}

/** What a model is where nothing else is said: the original program's. */
export const VAE_DEFAULTS = {
  hidden: [400],
  latentDim: 2,
  activation: "relu",
  likelihood: "bernoulli",
  seed: 0,
} as const satisfies Omit<VaeConfig, "inputDim">;

/** How a model is trained where nothing else is said: the original program's settings. */
export const TRAIN_DEFAULTS = {
  epochs: 10,
  batchSize: 128,
  learningRate: 1e-3,
} as const;

/** Steps of a trace where nothing else is said. */
export const TRACE_STEPS = 100;

/** torch.optim.Adam's. */
export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** Wider or deeper than this is a mistake rather than a model that a CPU could train. */
const MOST_WIDTH = 2 ** 20;
const MOST_DEPTH = 64;

function expectInteger(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new ConfigError(`${name} must be a whole number from ${least} to ${most}, not ${String(value)}`);
}

/** A misspelt setting would silently be its default. */
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
  readonly batchSize: number;
  readonly learningRate: number;
}

/** The largest batch: its activations still fit a WebAssembly memory for any model worth training. */
const MOST_BATCH = 65536;

/** @throws {ConfigError} naming the setting, what is allowed and what was given */
export function checkTraining(given: Partial<TrainingConfig>): TrainingConfig {
  const learningRate: unknown = given.learningRate ?? TRAIN_DEFAULTS.learningRate;
  if (typeof learningRate !== "number" || !(learningRate > 0) || learningRate === Infinity) {
    throw new ConfigError(`learningRate must be a number above 0, such as 1e-3, not ${String(learningRate)}`);
  }
  const batchSize = given.batchSize ?? TRAIN_DEFAULTS.batchSize;
  return { batchSize: expectInteger("batchSize", batchSize, 1, MOST_BATCH), learningRate };
}

/** @throws {ConfigError} when `epochs` is not a whole number of them */
export function checkEpochs(epochs: unknown = TRAIN_DEFAULTS.epochs): number {
  return expectInteger("epochs", epochs, 1, 1e6);
}

/** @throws {ConfigError} when `steps` is not a whole number of them */
export function checkSteps(steps: unknown): number {
  return expectInteger("steps", steps, 1, 1e6);
}

/** @throws {ConfigError} when `workers` is not a whole number that a machine could run */
export function checkWorkers(workers: unknown): number {
  return expectInteger("workers", workers, 1, 256);
}

/** Draws of z for a row's score; the mean of more hardly moves any further. */
const MOST_SAMPLES = 65536;

/** @throws {ConfigError} naming what is allowed and what was given */
export function checkSamples(samples: unknown): number {
  return expectInteger("samples", samples, 1, MOST_SAMPLES);
}
