/**
 * What a file of weights says about itself in `__metadata__`, which holds texts only. With it a file can be run alone:
 *
 *     format         "pt", as PyTorch's tools like to see
 *     elbow          the version that wrote it
 *     contents       "model", "checkpoint" or "trace"
 *     formatVersion  "1"; a reader refuses what is newer than itself
 *     config         every setting of the model, as JSON
 *     arithmetic     how the kernels rounded that trained it
 *     dataset, datasetSha256, imageShape, epochs, steps
 *                    what it was trained on, how rows are images, how long it was trained; each where it is known
 */

import { describe, quote } from "../codecs/quote.ts";
import { ConfigError, FormatError } from "../errors.ts";
import { checkConfig, type VaeConfig } from "../model/config.ts";
import type { Arithmetic } from "../wasm/builds.ts";

const FORMAT_VERSION = 1;

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
  /** Height and width where a row is a grayscale image. */
  readonly imageShape?: readonly [height: number, width: number] | undefined;
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

/**
 * The settings of a model, in the order in which files have them.
 *
 * @internal
 */
export const CONFIG_KEYS = [
  "inputDim",
  "hidden",
  "latentDim",
  "activation",
  "likelihood",
  "seed",
] as const satisfies ReadonlyArray<keyof VaeConfig>;

/**
 * The texts to write, always in the same order.
 *
 * @internal
 */
export function describeModel(contents: Contents, config: VaeConfig, info: ModelInfo): Metadata {
  const { elbow, arithmetic, dataset, imageShape, trained } = info;
  return {
    format: "pt",
    ...(elbow === undefined ? {} : { elbow }),
    contents,
    formatVersion: String(FORMAT_VERSION),
    config: JSON.stringify(config, [...CONFIG_KEYS]),
    ...(arithmetic === undefined ? {} : { arithmetic }),
    ...(dataset === undefined ? {} : { dataset: dataset.name, datasetSha256: dataset.sha256 }),
    ...(imageShape === undefined ? {} : { imageShape: JSON.stringify(imageShape) }),
    ...(trained === undefined ? {} : { epochs: String(trained.epochs), steps: String(trained.steps) }),
  };
}

/**
 * The texts of one file, read one by one; every fault names the file, the key, what was expected and what was found.
 *
 * @internal
 */
export class MetadataReader {
  readonly #metadata: Metadata;
  readonly #file: string;

  constructor(metadata: Metadata, file: string) {
    this.#metadata = metadata;
    this.#file = file;
  }

  /** Makes sure that it is a file of ours, of the kind that is wanted, and not from the future. */
  expectContents(wanted: Contents): void {
    if (!Object.hasOwn(this.#metadata, "config")) {
      throw new FormatError(
        `${this.#file}: expected an Elbow ${wanted} with its config in __metadata__, found none; ` +
          "it was probably written by another program.",
      );
    }
    const version = this.#wholeNumber("formatVersion");
    if (version > FORMAT_VERSION) {
      throw new FormatError(
        `${this.#file}: expected format version ${FORMAT_VERSION}, found ${version}; it needs a newer Elbow.`,
      );
    }
    const found = this.#text("contents");
    if (found !== wanted) {
      throw new FormatError(
        `${this.#file}: expected a ${wanted}, found a ${quote(found)}; give the other file.`,
      );
    }
  }

  config(): VaeConfig {
    const given = this.#json("config");
    if (typeof given !== "object" || given === null) throw this.#fault("config", "a JSON object", given);
    for (const key of CONFIG_KEYS) {
      // A default must not fill in for what the file leaves out: that would be another model.
      const value = Object.hasOwn(given, key) ? (given as Record<string, unknown>)[key] : undefined;
      if (value === undefined || value === null) {
        throw new FormatError(`${this.#file}: the config in __metadata__ lacks ${key}.`);
      }
      // Lists within lists would keep whoever prints them busy until the stack ends.
      const scalars = Array.isArray(value) ? (value as unknown[]) : [value];
      if (scalars.some((scalar) => typeof scalar === "object")) {
        throw this.#fault(`config.${key}`, "a setting", value);
      }
    }
    try {
      return checkConfig(given as VaeConfig); // which believes nothing of that type
    } catch (cause) {
      if (!(cause instanceof ConfigError)) throw cause;
      // checkConfig quotes what it was given, and here that is a stranger's text.
      const [expected = ""] = cause.message.split(", not ");
      throw new FormatError(`${this.#file}: in the config, ${expected}; found something else.`, { cause });
    }
  }

  info({ inputDim }: VaeConfig): ModelInfo {
    return {
      elbow: this.#optional("elbow", (key) => this.#text(key)),
      arithmetic: this.#optional("arithmetic", (key) => this.#arithmetic(key)),
      dataset: this.#optional("dataset", (key) => ({
        name: this.#text(key),
        sha256: this.#text("datasetSha256"),
      })),
      imageShape: this.#optional("imageShape", (key) => this.#imageShape(key, inputDim)),
      trained: this.#optional("epochs", (key) => ({
        epochs: this.#wholeNumber(key),
        steps: this.#wholeNumber("steps"),
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

  #wholeNumber(key: string): number {
    const value = this.number(key);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#fault(key, "a whole number, 0 or more", value);
  }

  #arithmetic(key: string): Arithmetic {
    const text = this.#text(key);
    if (text === "simd" || text === "relaxed") return text;
    throw this.#fault(key, '"simd" or "relaxed"', text);
  }

  #imageShape(key: string, inputDim: number): readonly [number, number] {
    const given = this.#json(key);
    if (Array.isArray(given) && given.length === 2) {
      const [height, width] = given as unknown[];
      if (Number.isSafeInteger(height) && Number.isSafeInteger(width)) {
        const shape = [height as number, width as number] as const;
        if (shape[0] > 0 && shape[0] * shape[1] === inputDim) return shape;
      }
    }
    throw this.#fault(key, `a height and a width that make ${inputDim}`, given);
  }

  #optional<T>(key: string, read: (key: string) => T): T | undefined {
    return Object.hasOwn(this.#metadata, key) ? read(key) : undefined;
  }

  /** Shown to people, so nothing in it may steer a terminal. */
  #text(key: string): string {
    const text = Object.hasOwn(this.#metadata, key) ? this.#metadata[key] : undefined;
    if (text === undefined) {
      throw new FormatError(`${this.#file}: ${quote(key)} is missing in __metadata__.`);
    }
    if (/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(text)) throw this.#fault(key, "a line of plain text", text);
    return text;
  }

  #json(key: string): unknown {
    const text = this.#text(key);
    try {
      return JSON.parse(text);
    } catch {
      throw this.#fault(key, "JSON", text);
    }
  }

  #fault(key: string, expected: string, found: unknown): FormatError {
    return new FormatError(
      `${this.#file}: ${quote(key)} in __metadata__ should be ${expected} but is ${describe(found)}.`,
    );
  }
}
