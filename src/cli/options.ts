/** The command line's values: from text to checked settings. What is allowed is decided where the model decides it. */
import { Option } from "commander";
import { ConfigError } from "../errors.ts";
import {
  ACTIVATION_NAMES,
  type Activation,
  checkConfig,
  checkEpochs,
  checkSamples,
  checkSteps,
  checkTraining,
  checkWorkers,
  LIKELIHOOD_NAMES,
  type Likelihood,
  TRACE_STEPS,
  TRAIN_DEFAULTS,
  VAE_DEFAULTS,
  type VaeConfig,
} from "../model/config.ts";

/**
 * An option with a value. Nothing is its value where it is not given, and the default only stands in its help: `--resume`
 * must tell what was said from what was not.
 */
function option<T>(flags: string, description: string, parse: (text: string) => T): Option {
  return new Option(flags, description).argParser(parse);
}

/**
 * Lets the model's own check decide, and says what it expects in the command line's words.
 *
 * @param flag as the user wrote it, `--batch-size`
 * @throws {ConfigError} `--batch-size must be a whole number from 1 to 65536, not 0`
 */
function checked<T>(flag: string, text: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const expected = /\bmust be .*(?=, not )/.exec(error.message)?.[0] ?? error.message;
    throw new ConfigError(`${flag} ${expected}, not ${text === "" ? "empty" : text}`, { cause: error });
  }
}

/** A number as people write one; NaN for anything else, which no check lets pass. */
function toNumber(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN;
}

function modelSetting<K extends keyof VaeConfig>(flag: string, key: K, read: (text: string) => unknown) {
  return (text: string): VaeConfig[K] =>
    // checkConfig believes nothing, so it may be handed anything.
    checked(flag, text, () => checkConfig({ inputDim: 1, [key]: read(text) })[key]);
}

function wholeNumber(flag: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = toNumber(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new ConfigError(`${flag} must be a whole number from ${least} to ${most}, not ${text || "empty"}`);
  };
}

function readHidden(text: string): readonly number[] {
  const hidden = text.split(",").map(toNumber);
  for (const width of hidden) {
    checked("--hidden: every width", text, () => checkConfig({ inputDim: 1, hidden: [width] }));
  }
  return checked("--hidden", text, () => checkConfig({ inputDim: 1, hidden }).hidden);
}

export const MODEL_OPTIONS: readonly Option[] = [
  option(
    "--hidden <widths>",
    `widths of the encoder's hidden layers, as 400 or 400,200; the decoder mirrors them (default: ${VAE_DEFAULTS.hidden})`,
    readHidden,
  ),
  option(
    "--latent <n>",
    `dimensions of the latent space (default: ${VAE_DEFAULTS.latentDim})`,
    modelSetting("--latent", "latentDim", toNumber),
  ),
  option(
    "--activation <name>",
    `${ACTIVATION_NAMES.join(" or ")} (default: ${VAE_DEFAULTS.activation})`,
    modelSetting("--activation", "activation", String),
  ),
  option(
    "--likelihood <name>",
    `${LIKELIHOOD_NAMES.join(", or ")} of unit variance (default: ${VAE_DEFAULTS.likelihood})`,
    modelSetting("--likelihood", "likelihood", String),
  ),
  option(
    "--seed <n>",
    `decides initial weights, noise and the order of rows (default: ${VAE_DEFAULTS.seed})`,
    modelSetting("--seed", "seed", toNumber),
  ),
];

/** What decides a step. */
export const STEP_OPTIONS: readonly Option[] = [
  option("--batch-size <n>", `rows in a step (default: ${TRAIN_DEFAULTS.batchSize})`, (text) =>
    checked("--batch-size", text, () => checkTraining({ batchSize: toNumber(text) }).batchSize),
  ),
  option("--lr <x>", `Adam's learning rate (default: ${TRAIN_DEFAULTS.learningRate})`, (text) =>
    checked("--lr", text, () => checkTraining({ learningRate: toNumber(text) }).learningRate),
  ),
];

export const TRAINING_OPTIONS: readonly Option[] = [
  option("--epochs <n>", `times through the data (default: ${TRAIN_DEFAULTS.epochs})`, (text) =>
    checked("--epochs", text, () => checkEpochs(toNumber(text))),
  ),
  ...STEP_OPTIONS,
];

export function traceStepsOption(): Option {
  return option("--steps <n>", `steps from the start of training (default: ${TRACE_STEPS})`, (text) =>
    checked("--steps", text, () => checkSteps(toNumber(text))),
  );
}

export function workersOption(): Option {
  return option("--workers <n>", "threads; changes the time, not the result (default: all cores)", (text) =>
    checked("--workers", text, () => checkWorkers(toNumber(text))),
  );
}

export function dataOption(otherwise: string): Option {
  return new Option(
    "--data <name>",
    `mnist, fashion-mnist, digits, or a directory of IDX files (default: ${otherwise})`,
  );
}

export function dataDirOption(): Option {
  return new Option("--data-dir <dir>", "where named datasets are, and are downloaded to");
}

export function countOption(otherwise: number, what: string): Option {
  // As many as a picture can well hold.
  const parse = wholeNumber("-n", 1, 10_000);
  return new Option("-n, --number <n>", what).argParser(parse).default(otherwise);
}

export function seedOption(description: string): Option {
  return option("--seed <n>", description, modelSetting("--seed", "seed", toNumber));
}

export function rowOption(flag: string, otherwise: number, what: string): Option {
  const parse = wholeNumber(flag, 0, 2 ** 32 - 1);
  return new Option(`${flag} <row>`, what).argParser(parse).default(otherwise);
}

export function stepsOption(): Option {
  const parse = wholeNumber("--steps", 2, 1000);
  return new Option("--steps <n>", "images in all, both ends included").argParser(parse).default(10);
}

export function samplesOption(): Option {
  return option("--samples <n>", "draws of z for each row, of which the mean is taken (default: 1)", (text) =>
    checked("--samples", text, () => checkSamples(toNumber(text))),
  );
}

export function imageShapeOption(): Option {
  return option(
    "--image-shape <h>x<w>",
    "height and width where rows are grayscale images, as 28x28",
    (text) => {
      const [, height, width] = /^([1-9]\d{0,6})x([1-9]\d{0,6})$/.exec(text) ?? [];
      if (height && width) return [Number(height), Number(width)];
      throw new ConfigError(
        `--image-shape must be a height and a width, such as 28x28, not ${text || "empty"}`,
      );
    },
  );
}

export function splitOption(): Option {
  return new Option("--split <name>", "which rows").choices(["test", "train"]).default("test");
}

export function outputOption(otherwise: string, what: string): Option {
  return new Option("-o, --output <file>", what).default(otherwise);
}

/** What `elbow train` and `elbow trace` were told of the work; absent where they were told nothing. */
export interface WorkFlags {
  readonly data?: string;
  readonly dataDir?: string;
  readonly batchSize?: number;
  readonly lr?: number;
  readonly hidden?: readonly number[];
  readonly latent?: number;
  readonly activation?: Activation;
  readonly likelihood?: Likelihood;
  readonly seed?: number;
}

export interface TrainFlags extends WorkFlags {
  readonly epochs?: number;
  readonly workers?: number;
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly resume?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}
