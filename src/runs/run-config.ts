/** config.json: every setting that decides the result of a run. */
import { JsonReader, TEXT } from "../codecs/json-reader.ts";
import { FormatError } from "../errors.ts";
import { isMark } from "../files/mark.ts";
import {
  ARITHMETIC,
  checkFile,
  expectReadable,
  expectVersion,
  FORMAT_VERSION,
  oldInputShape,
} from "../formats/metadata.ts";
import {
  checkConfig,
  checkTraining,
  type TrainingConfig,
  type VaeConfig,
  WORK_SETTINGS,
} from "../model/config.ts";
import { type Setting, wholeNumber } from "../model/settings.ts";
import type { Arithmetic } from "../wasm/builds.ts";

/** Where a run's data comes from. */
export interface DataSource {
  /** A dataset's name, or the absolute path of a directory. */
  readonly source: string;
  /** The absolute path of --data-dir, if given. */
  readonly directory?: string | undefined;
}

export interface RunData extends DataSource {
  /** The dataset's own. */
  readonly name: string;
  readonly sha256: string;
  /** Rows of each split. */
  readonly train: number;
  readonly test: number;
}

export interface RunConfig {
  /** Random, of this run alone: its drafts bear it. Runs of version 0.1.0 have none. */
  readonly id?: string | undefined;
  readonly data: RunData;
  readonly model: VaeConfig;
  readonly training: TrainingConfig;
  readonly epochs: number;
  /** Of the kernels, whose rounding decides the result. */
  readonly arithmetic: Arithmetic;
  /** Of `elbow`, `node` and `v8`. */
  readonly versions: Readonly<Record<string, string>>;
}

/** @throws {ConfigError} when `parseRunConfig` would refuse the file */
export function serializeRunConfig(config: RunConfig): string {
  const { id, data, model, training, epochs, arithmetic, versions } = config;
  const { name, source, directory, sha256, train, test } = data;
  const file = {
    formatVersion: FORMAT_VERSION,
    id,
    data: { name, source, directory, sha256, train, test },
    model,
    training: { epochs, ...training },
    kernels: { arithmetic },
    versions,
  };
  const text = `${JSON.stringify(file, undefined, 2)}\n`;
  expectReadable(() => parseRunConfig(text, "the config of the run"));
  return text;
}

const COUNT = wholeNumber(0, Number.MAX_SAFE_INTEGER);

/** It becomes a part of file names. */
const ID: Setting<string | undefined> = {
  expected: "12 hexadecimal digits",
  accepts: isMark,
  default: undefined,
};

/**
 * Reads config.json.
 *
 * @param file what to call it in errors: its path.
 * @throws {FormatError} when a setting is missing or not allowed
 */
export function parseRunConfig(text: string, file: string): RunConfig {
  const root = JsonReader.parse(text, file);
  const object = (key: string): JsonReader =>
    new JsonReader(root.values()[key], `${file}: ${key}`, `${file}: ${key}.`);
  const version = root.value<number>("formatVersion", COUNT);
  expectVersion(version, `${file}: formatVersion`);
  const data = object("data");
  const model = object("model").values();
  if (version < 2) model.inputShape = oldInputShape(data, model.inputDim);
  const training = object("training");
  return {
    id: root.has("id") ? root.value("id", ID) : undefined,
    data: {
      name: data.text("name"),
      source: data.text("source"),
      directory: data.has("directory") ? data.text("directory") : undefined,
      sha256: data.text("sha256"),
      train: data.value("train", COUNT),
      test: data.value("test", COUNT),
    },
    // The checks assume nothing about types.
    model: checkFile(`${file}: model.`, () => checkConfig(model as unknown as VaeConfig, { whole: true })),
    training: checkFile(`${file}: training.`, () => checkTraining(training.values(), { whole: true })),
    epochs: training.value("epochs", WORK_SETTINGS.epochs),
    arithmetic: object("kernels").value("arithmetic", ARITHMETIC),
    versions: readTexts(object("versions"), `${file}: versions`),
  };
}

/** All keys, each with a text. */
function readTexts(object: JsonReader, setting: string): Record<string, string> {
  const keys = Object.keys(object.values());
  if (keys.every(TEXT.accepts)) return Object.fromEntries(keys.map((key) => [key, object.text(key)]));
  throw new FormatError({ setting, expected: "names that are well-formed text", found: "others" });
}
