/**
 * `__metadata__` of a file of weights: everything that running the model needs beside the weights, as texts.
 *
 *     format         "pt", as PyTorch's tools like to see
 *     elbow          the version that wrote it
 *     contents       "model", "checkpoint" or "trace"
 *     formatVersion  "2"; a reader refuses what is newer than itself
 *     config         every setting of the model, as JSON
 *     arithmetic     rounding of the kernels that trained it
 *     dataset, datasetSha256, epochs, steps
 *                    what it was trained on and how long, if known
 *     imageShape     height and width of an image, also in the config; for other programs
 *
 * Version 1 has no `inputShape` in its config, only `imageShape`.
 */

import { JsonReader, type Kind, parseJson } from "../codecs/json-reader.ts";
import { describe, quote } from "../codecs/quote.ts";
import { countOf } from "../codecs/shape.ts";
import { ConfigError, FormatError } from "../errors.ts";
import { checkConfig, imageOf, MODEL_SETTINGS, type VaeConfig } from "../model/config.ts";
import { defined, oneOf, type Setting } from "../model/settings.ts";
import type { Arithmetic } from "../wasm/builds.ts";

/**
 * Of files of weights and of config.json.
 *
 * @internal
 */
export const FORMAT_VERSION = 2;

/** @internal */
export const ARITHMETIC: Setting<Arithmetic> = oneOf(["simd", "relaxed"]);

/** What is known about a model apart from its config and weights. */
export interface ModelInfo {
  /** The version of Elbow that wrote the file. */
  readonly elbow?: string | undefined;
  /** Rounding of the kernels that trained it. */
  readonly arithmetic?: Arithmetic | undefined;
  /** What it was trained on. */
  readonly dataset?:
    | {
        /** As {@link Dataset.name}. */
        readonly name: string;
        /** As {@link Dataset.sha256}. */
        readonly sha256: string;
      }
    | undefined;
  /** How long it was trained. */
  readonly trained?:
    | {
        /** Whole epochs. */
        readonly epochs: number;
        /** Steps after them. */
        readonly steps: number;
      }
    | undefined;
}

/** @internal */
export type Contents = "model" | "checkpoint" | "trace";

/**
 * The texts of a safetensors file's `__metadata__`.
 *
 * @internal
 */
export type Metadata = Readonly<Record<string, string>>;

/** @internal */
export const CONFIG_KEYS = Object.keys(MODEL_SETTINGS);

/**
 * The texts to write, always in the same order.
 *
 * @internal
 */
export function describeModel(contents: Contents, config: VaeConfig, info: ModelInfo): Metadata {
  const { elbow, arithmetic, dataset, trained } = info;
  const image = imageOf(config);
  return defined({
    format: "pt",
    elbow,
    contents,
    formatVersion: String(FORMAT_VERSION),
    config: JSON.stringify(config, CONFIG_KEYS),
    arithmetic,
    dataset: dataset?.name,
    datasetSha256: dataset?.sha256,
    imageShape: image && JSON.stringify([image.height, image.width]),
    epochs: trained && String(trained.epochs),
    steps: trained && String(trained.steps),
  }) as Metadata;
}

/**
 * @throws {FormatError} when a file is newer than this reader
 *
 * @internal
 */
export function expectVersion(version: number, setting: string): void {
  if (version <= FORMAT_VERSION) return;
  const expected = `${FORMAT_VERSION} or less`;
  throw new FormatError({ setting, expected, found: `${version}`, remedy: "read it with a newer Elbow" });
}

/**
 * The `inputShape` of a file of version 1, which has an `imageShape` or null where rows are images.
 *
 * @throws {FormatError} when the image has another size than a row
 *
 * @internal
 */
export function oldInputShape(file: JsonReader, inputDim: unknown): readonly unknown[] {
  const expected = `[height, width], with inputDim (${describe(inputDim)}) as their product`;
  const accepts = (value: unknown): boolean =>
    Array.isArray(value) &&
    value.length === 2 &&
    value.every(Number.isInteger) &&
    value[0] > 0 &&
    countOf(value) === inputDim;
  const image = file.has("imageShape")
    ? file.value<number[] | null>("imageShape", {
        expected,
        accepts: (value) => value === null || accepts(value),
      })
    : null;
  return image === null ? [inputDim] : [...image, 1];
}

/**
 * Checks the settings that a file has.
 *
 * @param where what to put before a setting's name in errors: "run/config.json: model."
 * @throws {FormatError} when the check throws a ConfigError
 *
 * @internal
 */
export function checkFile<T>(where: string, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new FormatError({ ...cause.fault, setting: where + cause.fault.setting }, { cause });
  }
}

/**
 * What is written can be read: `read` is the reader's own check of what a writer is about to write.
 *
 * @throws {ConfigError} when the reader would refuse the file
 *
 * @internal
 */
export function expectReadable(read: () => unknown): void {
  try {
    read();
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new ConfigError(cause.fault, { cause });
  }
}

/** The shortest text of a number. */
const NUMBER: Kind = {
  expected: "a number",
  accepts: (text) => Number.isFinite(Number(text)) && String(Number(text)) === text,
};
const WHOLE_NUMBER: Kind = {
  expected: "a whole number, 0 or more",
  accepts: (text) => NUMBER.accepts(text) && Number.isSafeInteger(Number(text)) && Number(text) >= 0,
};

/**
 * The texts of one file, read one by one.
 *
 * @internal
 */
export class MetadataReader {
  readonly #texts: JsonReader;
  readonly #file: string;
  readonly #where: string;

  /** @param file what to call it in errors: its path. */
  constructor(metadata: Metadata, file: string) {
    this.#file = file;
    this.#where = `${file}: __metadata__.`;
    this.#texts = new JsonReader(metadata, file, this.#where);
  }

  /** @throws {FormatError} when it is another program's file, from the future, or not of the kind that is wanted */
  expectContents(wanted: Contents): void {
    const setting = this.#file;
    if (!this.#texts.has("config")) {
      const found = "no config in its __metadata__";
      const remedy = "import weights of another program first";
      throw new FormatError({ setting, expected: `an Elbow ${wanted}`, found, remedy });
    }
    expectVersion(this.wholeNumber("formatVersion"), `${this.#where}formatVersion`);
    const found = this.#texts.text("contents");
    if (found === wanted) return;
    const remedy = `give the ${wanted} instead`;
    throw new FormatError({ setting, expected: `a ${wanted}`, found: `a ${quote(found)}`, remedy });
  }

  config(): VaeConfig {
    const config = JsonReader.parse(this.#texts.text("config"), `${this.#where}config`).values();
    if (this.wholeNumber("formatVersion") < 2) {
      const read = (key: string): unknown => parseJson(this.#texts.text(key), this.#where + key);
      const parsed = defined({ imageShape: this.#optional("imageShape", read) });
      config.inputShape = oldInputShape(new JsonReader(parsed, this.#file, this.#where), config.inputDim);
    }
    // The check assumes nothing about types.
    return checkFile(`${this.#where}config.`, () =>
      checkConfig(config as unknown as VaeConfig, { whole: true }),
    );
  }

  info(): ModelInfo {
    return {
      elbow: this.#optional("elbow", (key) => this.#texts.text(key)),
      arithmetic: this.#optional("arithmetic", (key) => this.#texts.value<Arithmetic>(key, ARITHMETIC)),
      dataset: this.#optional("dataset", (key) => ({
        name: this.#texts.text(key),
        sha256: this.#texts.text("datasetSha256"),
      })),
      trained: this.#optional("epochs", (key) => ({
        epochs: this.wholeNumber(key),
        steps: this.wholeNumber("steps"),
      })),
    };
  }

  text(key: string): string {
    return this.#texts.text(key);
  }

  number(key: string): number {
    return Number(this.#texts.value(key, NUMBER));
  }

  wholeNumber(key: string): number {
    return Number(this.#texts.value(key, WHOLE_NUMBER));
  }

  #optional<T>(key: string, read: (key: string) => T): T | undefined {
    return this.#texts.has(key) ? read(key) : undefined;
  }
}
