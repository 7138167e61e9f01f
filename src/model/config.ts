import { countOf } from "../codecs/shape.ts";
import { TILES } from "../wasm/tiles.ts";
import { ACTIVATIONS, type Activation } from "./activations.ts";
import { LIKELIHOODS, type Likelihood } from "./likelihoods.ts";
import {
  checkSetting,
  checkSettings,
  defaultsOf,
  expectKnown,
  listOf,
  namesOf,
  oneOf,
  positiveNumber,
  refused,
  type Setting,
  type Settings,
  wholeNumber,
} from "./settings.ts";

/** @internal */
export { expectKnown } from "./settings.ts";

/** The settings of a model. With the data and the training settings they decide every bit of it. */
export interface VaeConfig {
  /** Numbers in a row of data, D. */
  readonly inputDim: number;
  /** The shape of a row: [height, width, channels] of an image, otherwise [inputDim]. */
  readonly inputShape: readonly number[];
  /** Widths of the encoder's hidden layers; the decoder has them in reverse. */
  readonly hidden: readonly number[];
  /** Latent dimensions, L. */
  readonly latentDim: number;
  /** After every hidden layer. */
  readonly activation: Activation;
  /** p(x|z), which decides the last layer and the reconstruction loss. */
  readonly likelihood: Likelihood;
  /** Decides initial weights, noise and the order of rows: an integer from 0 to 2⁵³ − 1. */
  readonly seed: number;
}

/** A wider or deeper model is a mistake: no CPU could train it. */
const WIDTH = wholeNumber(1, 2 ** 20);

/**
 * The settings of a model, in the order in which files have them.
 *
 * @internal
 */
export const MODEL_SETTINGS: Settings<VaeConfig> = {
  inputDim: WIDTH,
  inputShape: listOf(WIDTH, (count) => count === 1 || count === 3, `1 or 3 whole numbers ${WIDTH.range}`),
  hidden: listOf(WIDTH, wholeNumber(1, 64).accepts, `1 to 64 whole numbers ${WIDTH.range}`, [400]),
  latentDim: { ...WIDTH, default: 2 }, // a plane, so that it can be drawn
  activation: oneOf(namesOf(ACTIVATIONS), "relu"),
  likelihood: oneOf(namesOf(LIKELIHOODS), "bernoulli"),
  seed: wholeNumber(0, Number.MAX_SAFE_INTEGER, 0),
};

/** The settings of training that decide the result. The number of workers changes the time only. */
export interface TrainingConfig {
  /** Rows per step, from 1 to 65536; the last step of an epoch has the remaining rows. */
  readonly batchSize: number;
  /** Adam's step size α, above 0. */
  readonly learningRate: number;
}

/** @internal */
export const TRAINING_SETTINGS: Settings<TrainingConfig> = {
  batchSize: wholeNumber(1, 65536, 128), // the activations of more rows do not fit a WebAssembly memory
  learningRate: positiveNumber(1e-3),
};

/**
 * More threads than this share no memory well.
 *
 * @internal
 */
export const MOST_WORKERS = 256;
/** @internal */
export const TRACE_STEPS = 100;

/**
 * The amount of work, and who does it.
 *
 * @internal
 */
export const WORK_SETTINGS = {
  epochs: wholeNumber(1, 1e6, 10),
  /** Of a trace. */
  steps: wholeNumber(1, 1e6, TRACE_STEPS),
  workers: wholeNumber(1, MOST_WORKERS),
  /** Posterior samples per row; the mean of more hardly changes. */
  samples: wholeNumber(1, 65536, 1),
  tile: oneOf(namesOf(TILES)),
};

/** The default settings of a model, as in the original program. */
export const VAE_DEFAULTS = defaultsOf(MODEL_SETTINGS) as Omit<VaeConfig, "inputDim" | "inputShape">;

/** The default settings of training, as in the original program. */
export const TRAIN_DEFAULTS = {
  ...defaultsOf(TRAINING_SETTINGS),
  epochs: WORK_SETTINGS.epochs.default,
} as TrainingConfig & {
  /** Passes over the training data. */
  readonly epochs: number;
};

/** The fixed settings of Adam (Kingma & Ba 2015, algorithm 1), as in torch.optim.Adam. */
export const ADAM = {
  /** Decay rate of the first moment. */
  beta1: 0.9,
  /** Decay rate of the second moment. */
  beta2: 0.999,
  /** Added to the square root of the second moment. */
  epsilon: 1e-8,
} as const;

/** The settings of a new model: the size or the shape of a row, and those that differ from VAE_DEFAULTS. */
export type PartialVaeConfig = Partial<VaeConfig> &
  (Pick<VaeConfig, "inputDim"> | Pick<VaeConfig, "inputShape">);

/**
 * A whole config from a partial one, with the defaults for what is missing.
 *
 * @param whole every setting must be given, as in a file: a default could make it another model.
 * @throws {ConfigError} when a setting is not allowed, missing or unknown, or the shape has another size than the row
 *
 * @internal
 */
export function checkConfig(given: PartialVaeConfig, { whole = false } = {}): VaeConfig {
  expectKnown("a model's settings", given, Object.keys(MODEL_SETTINGS));
  const { inputDim, inputShape } = given;
  const derived = { inputDim: inputDim ?? sizeOf(inputShape), inputShape: inputShape ?? [inputDim] };
  const config = checkSettings(MODEL_SETTINGS, whole ? given : { ...given, ...derived }, whole);
  if (sizeOf(config.inputShape) === config.inputDim) return config;
  const expected = `${MODEL_SETTINGS.inputShape.expected}, with inputDim (${config.inputDim}) as their product`;
  throw refused("inputShape", expected, inputShape);
}

/** The size of a row of this shape; undefined if the shape is not allowed. */
function sizeOf(shape: readonly number[] | undefined): number | undefined {
  return MODEL_SETTINGS.inputShape.accepts(shape) ? countOf(shape!) : undefined;
}

/** The size of an image in a row of data. */
export interface RowImage {
  /** In pixels. */
  readonly height: number;
  /** In pixels. */
  readonly width: number;
  /** Numbers per pixel: 1 for grayscale, 3 for colour. */
  readonly channels: number;
}

/** The size of the image in each row of a model's data; undefined if rows are not images. */
export function imageOf({ inputShape }: Pick<VaeConfig, "inputShape">): RowImage | undefined {
  const [height, width, channels] = inputShape;
  return channels === undefined ? undefined : { height: height!, width: width!, channels };
}

/**
 * @throws {ConfigError} when a setting is not allowed
 *
 * @internal
 */
export function checkTraining(given: Partial<TrainingConfig>, { whole = false } = {}): TrainingConfig {
  return checkSettings(TRAINING_SETTINGS, given, whole);
}

const checkerOf =
  <T>(key: string, setting: Setting<T>) =>
  (value?: unknown): T =>
    checkSetting(key, setting, value);

/** @internal */
export const checkEpochs = checkerOf("epochs", WORK_SETTINGS.epochs);
/** @internal */
export const checkSteps = checkerOf("steps", WORK_SETTINGS.steps);
/** @internal */
export const checkWorkers = checkerOf("workers", WORK_SETTINGS.workers);
/** @internal */
export const checkSamples = checkerOf("samples", WORK_SETTINGS.samples);
/** @internal */
export const checkTile = checkerOf("tile", WORK_SETTINGS.tile);
/** @internal */
export const checkCount = checkerOf("the number of samples", wholeNumber(1, 2 ** 24));
