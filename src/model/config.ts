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
  withoutDefaults,
} from "./settings.ts";

/** @internal */
export { expectKnown };

/** Every setting that decides what a model is. With the data and the training settings it decides every bit of it. */
export interface VaeConfig {
  /** Numbers in a row of data, D. */
  readonly inputDim: number;
  /** How they lie in the row: [height, width, channels] of an image, otherwise [inputDim]. */
  readonly inputShape: readonly number[];
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

/** Wider or deeper than this is a mistake rather than a model that a CPU could train. */
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

/** The settings of training that decide the result; how many workers do it decides nothing but its time. */
export interface TrainingConfig {
  /** Rows of a step, from 1 to 65536; the last step of an epoch has what is left over. */
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
 * How much work is done, and by whom.
 *
 * @internal
 */
export const WORK_SETTINGS = {
  epochs: wholeNumber(1, 1e6, 10),
  /** Of a trace. */
  steps: wholeNumber(1, 1e6, TRACE_STEPS),
  workers: wholeNumber(1, MOST_WORKERS),
  /** Of z, for each row's score; the mean of more hardly moves. */
  samples: wholeNumber(1, 65536, 1),
  tile: oneOf(namesOf(TILES)),
};

/** The default settings of a model: the original program's. */
export const VAE_DEFAULTS = defaultsOf(MODEL_SETTINGS) as Omit<VaeConfig, "inputDim" | "inputShape">;

/** The default settings of training: the original program's. */
export const TRAIN_DEFAULTS = {
  ...defaultsOf(TRAINING_SETTINGS),
  epochs: WORK_SETTINGS.epochs.default,
} as TrainingConfig & {
  /** Passes over the training data. */
  readonly epochs: number;
};

/** The rest of Adam's settings (Kingma & Ba 2015, algorithm 1), which are torch.optim.Adam's and fixed. */
export const ADAM = {
  /** How much of the first moment stays from step to step. */
  beta1: 0.9,
  /** How much of the second moment stays. */
  beta2: 0.999,
  /** Added to the root of the second moment. */
  epsilon: 1e-8,
} as const;

/** What a model is made of: the size or the shape of its rows, and the settings that are not VAE_DEFAULTS'. */
export type PartialVaeConfig = Partial<VaeConfig> &
  (Pick<VaeConfig, "inputDim"> | Pick<VaeConfig, "inputShape">);

/**
 * A whole config from a partial one, with the defaults filled in.
 *
 * @param whole a file's config has no defaults: another default would make it another model.
 * @throws {ConfigError} when a setting is not allowed, missing or unknown, or the shape has another size than the row
 *
 * @internal
 */
export function checkConfig(given: PartialVaeConfig, { whole = false } = {}): VaeConfig {
  expectKnown("a model's settings", given, Object.keys(MODEL_SETTINGS));
  const { inputDim, inputShape } = given;
  const derived = { inputDim: inputDim ?? sizeOf(inputShape), inputShape: inputShape ?? [inputDim] };
  const config = whole
    ? checkSettings(withoutDefaults(MODEL_SETTINGS), given)
    : checkSettings(MODEL_SETTINGS, { ...given, ...derived });
  if (sizeOf(config.inputShape) === config.inputDim) return config;
  const expected = `${MODEL_SETTINGS.inputShape.expected}, with inputDim (${config.inputDim}) as their product`;
  throw refused("inputShape", expected, inputShape);
}

/** Numbers in a row of a shape; undefined where it is no shape. */
function sizeOf(shape: readonly number[] | undefined): number | undefined {
  return MODEL_SETTINGS.inputShape.accepts(shape)
    ? shape!.reduce((product, size) => product * size, 1)
    : undefined;
}

/** What a row is: a grayscale image with one channel, or a colour image with three. */
export interface RowImage {
  /** Rows of pixels. */
  readonly height: number;
  /** Pixels in a row of them. */
  readonly width: number;
  /** Numbers of a pixel. */
  readonly channels: number;
}

/** The image that a model's row is, or undefined where it is none. */
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
  return checkSettings(whole ? withoutDefaults(TRAINING_SETTINGS) : TRAINING_SETTINGS, given);
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
