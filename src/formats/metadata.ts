/**
 * What a file of weights says about itself in `__metadata__`, which holds texts only. With it a file can be run alone:
 *
 *     format         "pt", as PyTorch's tools like to see
 *     elbow          the version that wrote it
 *     contents       "model", "checkpoint" or "trace"
 *     formatVersion  "2"; a reader refuses what is newer than itself
 *     config         every setting of the model, as JSON
 *     arithmetic     how the kernels rounded that trained it
 *     dataset, datasetSha256, epochs, steps
 *                    what it was trained on, how long it was trained; each where it is known
 *     imageShape     height and width of a row, for other programs: it is also in the config
 *
 * Version 1 had no `inputShape` in its config: `imageShape` alone said that rows were images.
 */

import { describe, quote } from "../codecs/quote.ts";
import { ConfigError, FormatError } from "../errors.ts";
import {
  checkConfig,
  imageOf,
  MODEL_SETTINGS,
  type PartialVaeConfig,
  type VaeConfig,
} from "../model/config.ts";
import { oneOf, type Setting } from "../model/settings.ts";
import type { Arithmetic } from "../wasm/builds.ts";

/** Of files of weights and of config.json. */
export const FORMAT_VERSION = 2;

export const ARITHMETIC: Setting<Arithmetic> = oneOf(["simd", "relaxed"]);

/** What is known about a model beside its config and its weights. */
export interface ModelInfo {
  /** The version of Elbow that wrote the file. */
  readonly elbow?: string | undefined;
  /** How the kernels rounded that trained it. */
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
  const texts = {
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
  };
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined)) as Metadata;
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
 * The `inputShape` of a file of version 1.
 *
 * @internal
 */
export function oldInputShape(imageShape: unknown, inputDim: unknown): readonly unknown[] {
  return Array.isArray(imageShape) ? [...(imageShape as unknown[]), 1] : [imageShape ?? inputDim];
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
 * The texts of one file, read one by one.
 *
 * @internal
 */
export class MetadataReader {
  readonly #metadata: Metadata;
  readonly #file: string;

  /** @param file what to call it in errors: its path. */
  constructor(metadata: Metadata, file: string) {
    this.#metadata = metadata;
    this.#file = file;
  }

  /** @throws {FormatError} when it is another program's file, from the future, or not of the kind that is wanted */
  expectContents(wanted: Contents): void {
    const setting = this.#file;
    if (!this.#has("config")) {
      const found = "no config in its __metadata__";
      const remedy = "import weights of another program first";
      throw new FormatError({ setting, expected: `an Elbow ${wanted}`, found, remedy });
    }
    expectVersion(this.wholeNumber("formatVersion"), this.#name("formatVersion"));
    const found = this.#text("contents");
    if (found === wanted) return;
    const remedy = `give the ${wanted} instead`;
    throw new FormatError({ setting, expected: `a ${wanted}`, found: `a ${quote(found)}`, remedy });
  }

  config(): VaeConfig {
    const given = this.#json("config");
    if (typeof given !== "object" || given === null) throw this.#fault("config", "a JSON object", given);
    const config: PartialVaeConfig = { ...(given as VaeConfig) }; // nothing of that type is believed
    if (this.wholeNumber("formatVersion") < 2) {
      const imageShape = this.#optional("imageShape", (key) => this.#json(key));
      Object.assign(config, { inputShape: oldInputShape(imageShape, config.inputDim) });
    }
    return checkFile(`${this.#name("config")}.`, () => checkConfig(config, { whole: true }));
  }

  info(): ModelInfo {
    return {
      elbow: this.#optional("elbow", (key) => this.#text(key)),
      arithmetic: this.#optional("arithmetic", (key) => this.#arithmetic(key)),
      dataset: this.#optional("dataset", (key) => ({
        name: this.#text(key),
        sha256: this.#text("datasetSha256"),
      })),
      trained: this.#optional("epochs", (key) => ({
        epochs: this.wholeNumber(key),
        steps: this.wholeNumber("steps"),
      })),
    };
  }

  /** A finite number, written so that it is exactly this one. */
  number(key: string): number {
    const text = this.#text(key);
    const value = Number(text);
    if (Number.isFinite(value) && String(value) === text) return value;
    throw this.#fault(key, "a number", text);
  }

  wholeNumber(key: string): number {
    const value = this.number(key);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#fault(key, "a whole number, 0 or more", value);
  }

  #arithmetic(key: string): Arithmetic {
    const text = this.#text(key);
    if (ARITHMETIC.accepts(text)) return text as Arithmetic;
    throw this.#fault(key, ARITHMETIC.expected, text);
  }

  #has(key: string): boolean {
    return Object.hasOwn(this.#metadata, key);
  }

  #optional<T>(key: string, read: (key: string) => T): T | undefined {
    return this.#has(key) ? read(key) : undefined;
  }

  /** Shown to people, so nothing in it may steer a terminal. */
  #text(key: string): string {
    const text = this.#has(key) ? this.#metadata[key] : undefined;
    if (text !== undefined && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)) return text;
    throw this.#fault(key, "a line of plain text", text);
  }

  #json(key: string): unknown {
    const text = this.#text(key);
    try {
      return JSON.parse(text);
    } catch {
      throw this.#fault(key, "JSON", text);
    }
  }

  #name(key: string): string {
    return `${this.#file}: __metadata__.${key}`;
  }

  #fault(key: string, expected: string, found: unknown): FormatError {
    const what = found === undefined ? "nothing" : describe(found);
    return new FormatError({ setting: this.#name(key), expected, found: what });
  }
}
