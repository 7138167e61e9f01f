/** Options: the words for each setting, and its value from text. The tables of src/model decide what is allowed. */
import { Argument, Option } from "commander";
import { quoteIfNeeded } from "../codecs/quote.ts";
import { ConfigError } from "../errors.ts";
import {
  MODEL_SETTINGS,
  TRAINING_SETTINGS,
  type TrainingConfig,
  type VaeConfig,
  WORK_SETTINGS,
} from "../model/config.ts";
import { oneOf, type Setting, wholeNumber } from "../model/settings.ts";

const SETTINGS = { ...MODEL_SETTINGS, ...TRAINING_SETTINGS, ...WORK_SETTINGS };
/** The data has the width of a row, and ELBOW_KERNELS the tile. */
type Key = Exclude<keyof typeof SETTINGS, "inputDim" | "tile">;

interface Words {
  readonly flags: string;
  readonly help: string;
  readonly read?: (text: string) => unknown;
  /** This and the next two replace the setting's own. */
  readonly range?: string;
  readonly expected?: string;
  readonly default?: string;
}

const WORDS: Readonly<Record<Key, Words>> = {
  inputShape: {
    flags: "--image-shape <h>x<w>",
    help: "height and width, if a row is a grayscale image, such as 28x28",
    expected: "a height and a width, such as 28x28",
    read: (text) => (/^\d+x\d+$/.test(text) ? [...text.split("x").map(Number), 1] : text),
  },
  hidden: {
    flags: "--hidden <widths>",
    help: "widths of the encoder's hidden layers, such as 400 or 400,200; the decoder mirrors them",
    read: (text) => text.split(",").map(toNumber),
  },
  latentDim: { flags: "--latent <n>", help: "latent dimensions" },
  activation: { flags: "--activation <name>", help: "activation of the hidden layers", read: String },
  likelihood: {
    flags: "--likelihood <name>",
    help: "likelihood p(x|z)",
    range: "bernoulli or gaussian (unit variance)",
    read: String,
  },
  seed: { flags: "--seed <n>", help: "seed of the initial weights, the noise and the order of rows" },
  batchSize: { flags: "--batch-size <n>", help: "rows per step" },
  learningRate: { flags: "--lr <x>", help: "learning rate of Adam" },
  epochs: { flags: "--epochs <n>", help: "passes over the training data" },
  steps: { flags: "--steps <n>", help: "training steps to record" },
  workers: {
    flags: "--workers <n>",
    help: "threads, which change the time but not the result",
    default: "all cores",
  },
  samples: { flags: "--samples <n>", help: "posterior samples to average per row" },
};

/** A decimal number; NaN for anything else, which no setting accepts. */
function toNumber(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN;
}

/** An option whose value is checked. It is undefined if not given, unless `.default` follows. */
function checkedOption(words: Words, setting: Setting<unknown>): Option {
  const { flags, help, read = toNumber } = words;
  const { range, expected, default: otherwise } = { ...setting, ...words };
  const option = textOption(flags, range ? `${help}, ${range}` : help, otherwise?.toString());
  return option.argParser((text) => accepted(nameOf(option), { ...setting, expected }, text, read(text)));
}

function accepted<T>(name: string, setting: Setting<T>, text: string, value: unknown): T {
  if (setting.accepts(value)) return value as T;
  const found = text === "" ? "an empty text" : quoteIfNeeded(text);
  throw new ConfigError({ setting: name, expected: setting.expected, found });
}

export function choiceArgument(name: string, help: string, choices: readonly string[]): Argument {
  return new Argument(name, help).argParser((text) => accepted(name, oneOf(choices), text, text));
}

/** As the user writes it, the short name if there is one. */
function nameOf({ short, long }: Option): string {
  return short ?? long!;
}

function textOption(flags: string, help: string, otherwise?: string): Option {
  return new Option(flags, otherwise === undefined ? help : `${help} (default ${otherwise})`);
}

/** An empty path, such as that of a shell variable that is not set, would be the current directory. */
function expectPath(name: string): (text: string) => string {
  return (text) => {
    if (text.trim() !== "") return text;
    throw new ConfigError({ setting: name, expected: "a path", found: text ? "blanks" : "an empty text" });
  };
}

export function pathArgument(name: string, help: string): Argument {
  return new Argument(name, help).argParser(expectPath(name));
}

export function pathOption(flags: string, help: string, otherwise?: string): Option {
  const option = textOption(flags, help, otherwise);
  return option.argParser(expectPath(nameOf(option)));
}

/** The option of a setting. Without a default here, `--resume` sees which options were given. */
export function settingOption(key: Key, words: Partial<Words> = {}): Option {
  const option = checkedOption({ ...WORDS[key], ...words }, SETTINGS[key]);
  option.attributeName = () => key;
  return option;
}

/** The option of a setting, such as `--lr`; other names stay. */
export function flagOf(key: string): string {
  return Object.hasOwn(WORDS, key) ? WORDS[key as Key].flags.split(" ")[0]! : key;
}

const MODEL_KEYS = ["hidden", "latentDim", "activation", "likelihood", "seed"] as const;
export const MODEL_OPTIONS = MODEL_KEYS.map((key) => settingOption(key));
export const STEP_OPTIONS = [settingOption("batchSize"), settingOption("learningRate")];

/** An option that is no setting of a model or of training. */
function ownOption(
  flags: string,
  help: string,
  setting: Setting<unknown>,
  words: Partial<Words> = {},
): Option {
  return checkedOption({ flags, help, ...words }, setting).default(setting.default);
}

export function countOption(help: string, otherwise: number): Option {
  return ownOption("-n, --number <n>", help, wholeNumber(1, 10_000, otherwise));
}

export function rowOption(flag: string, help: string, otherwise: number): Option {
  return ownOption(`${flag} <row>`, help, wholeNumber(0, 2 ** 32 - 1, otherwise), {
    range: "counted from 0",
    expected: "a whole number, counted from 0",
  });
}

export function stepsOption(): Option {
  return ownOption("--steps <n>", "images, both ends included", wholeNumber(2, 1000, 10));
}

/** It changes no bit of a run, so it is no setting of training. */
export function saveEveryOption(): Option {
  const accepts = (value: unknown): boolean =>
    Number.isFinite(value) && (value as number) >= 0.01 && (value as number) <= 86_400;
  const range = "from 0.01 to 86400";
  const setting = { expected: `a number ${range}`, range, accepts, default: 5 };
  return ownOption("--save-every <s>", "seconds from one checkpoint to the next", setting);
}

export function splitOption(): Option {
  return ownOption("--split <name>", "rows to use", oneOf(["test", "train"], "test"), { read: String });
}

export function outputOptions(help: string, otherwise: string): Option[] {
  return [
    pathOption("-o, --output <file>", help, otherwise).default(otherwise),
    new Option("--overwrite", "replace an existing file"),
  ];
}

export interface OutputFlags {
  readonly output: string;
  readonly overwrite?: boolean;
}

export function dataOptions(otherwise: string): Option[] {
  return [
    pathOption("--data <name>", "mnist, fashion-mnist, digits or a directory of IDX files", otherwise),
    pathOption(
      "--data-dir <dir>",
      "directory of the named datasets, also for downloads",
      "data/ in a checkout, otherwise the user's cache",
    ),
  ];
}

export interface DataFlags {
  readonly data?: string;
  readonly dataDir?: string;
}

/** The options that `elbow train` and `elbow trace` share; undefined if not given. */
export interface WorkFlags extends DataFlags, Partial<Omit<VaeConfig, "inputDim"> & TrainingConfig> {}

export interface TrainFlags extends WorkFlags {
  readonly epochs?: number;
  readonly workers?: number;
  readonly saveEvery: number;
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly resume?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}
