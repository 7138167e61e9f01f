/** config.json: what a run is, in every setting that decides its result. */

import { JsonReader } from "../codecs/json-reader.ts";
import { describe, quoteIfNeeded } from "../codecs/quote.ts";
import { ConfigError, FormatError } from "../errors.ts";
import { CONFIG_KEYS } from "../formats/metadata.ts";
import {
  checkConfig,
  checkEpochs,
  checkTraining,
  type TrainingConfig,
  type VaeConfig,
} from "../model/config.ts";
import type { Arithmetic } from "../wasm/builds.ts";

const FORMAT_VERSION = 1;

/** Where a run's data comes from. */
export interface DataSource {
  /** A dataset's name, or the absolute path of a directory. */
  readonly source: string;
  /** Where named datasets are looked for, where the user said so: an absolute path. */
  readonly directory?: string | undefined;
}

export interface RunData extends DataSource {
  /** What the dataset calls itself. */
  readonly name: string;
  readonly sha256: string;
  /** Rows of each split. */
  readonly train: number;
  readonly test: number;
  readonly imageShape?: readonly [height: number, width: number] | undefined;
}

export interface RunConfig {
  readonly data: RunData;
  readonly model: VaeConfig;
  readonly training: TrainingConfig;
  readonly epochs: number;
  /** Which kernel build: how it rounds is all of it that decides a result. */
  readonly arithmetic: Arithmetic;
  /** What made it: `elbow`, `node`, `v8`. */
  readonly versions: Readonly<Record<string, string>>;
}

export function serializeRunConfig(config: RunConfig): string {
  const { data, model, training, epochs, arithmetic, versions } = config;
  const { name, source, directory, sha256, train, test, imageShape } = data;
  const file = {
    formatVersion: FORMAT_VERSION,
    data: { name, source, directory, sha256, train, test, imageShape },
    model,
    training: { epochs, ...training },
    kernels: { arithmetic },
    versions,
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/**
 * Reads config.json.
 *
 * @param file what to call it in errors: its path.
 * @throws FormatError, one line, that names the setting, what was expected and what was found
 */
export function parseRunConfig(text: string, file: string): RunConfig {
  const root = JsonReader.parse(text, file);
  const version = root.wholeNumber("formatVersion");
  if (version > FORMAT_VERSION) {
    throw new FormatError(
      `${file}: expected format version ${FORMAT_VERSION}, found ${version}; it needs a newer Elbow.`,
    );
  }
  const arithmetic = root.object("kernels").text("arithmetic");
  if (arithmetic !== "simd" && arithmetic !== "relaxed") {
    throw new FormatError(
      `${file}: kernels.arithmetic should be simd or relaxed but is ${describe(arithmetic)}.`,
    );
  }
  return {
    data: readData(root.object("data")),
    ...readSettings(root, file),
    arithmetic,
    versions: root.object("versions").texts(),
  };
}

function readData(data: JsonReader): RunData {
  return {
    name: data.text("name"),
    source: data.text("source"),
    directory: data.has("directory") ? data.text("directory") : undefined,
    sha256: data.text("sha256"),
    train: data.wholeNumber("train"),
    test: data.wholeNumber("test"),
    imageShape: data.has("imageShape") ? data.pair("imageShape") : undefined,
  };
}

/** The checks believe nothing of what they are handed, so they decide about a file as they do about an option. */
function readSettings(root: JsonReader, file: string): Pick<RunConfig, "model" | "training" | "epochs"> {
  const model: unknown = root.object("model").settings(CONFIG_KEYS);
  const training: unknown = root.object("training").settings(["batchSize", "learningRate"]);
  try {
    return {
      model: checkConfig(model as VaeConfig),
      training: checkTraining(training as TrainingConfig),
      epochs: checkEpochs(root.object("training").wholeNumber("epochs")),
    };
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    // The checks quote what they were given, and here that is a file's text.
    const [expected = "", ...found] = cause.message.split(", not ");
    const not = quoteIfNeeded(found.join(", not "));
    throw new FormatError(`${file}: ${expected}, not ${not}.`, { cause });
  }
}
