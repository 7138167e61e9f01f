/**
 * Imports weights of another program, such as a PyTorch `state_dict`, as a model. The sizes are those of the shapes;
 * the names must be those of Elbow's own files, `fc1.weight` … or, for more than one hidden layer, `encoder.0.weight`
 * ….
 */

import type { FileHead } from "../codecs/head.ts";
import { describe, quote } from "../codecs/quote.ts";
import {
  expectTensors,
  listNames,
  parseSafetensorsHeader,
  type SafetensorsHeader,
} from "../codecs/safetensors.ts";
import { ConfigError, FormatError } from "../errors.ts";
import { MODULE_NAMES, type Sizes, sizesOf } from "../model/architecture.ts";
import { checkConfig, expectKnown, type VaeConfig } from "../model/config.ts";
import { parameterTable } from "../model/parameters.ts";
import { byName } from "../model/tensors.ts";
import { CONFIG_KEYS, checkFile } from "./metadata.ts";
import { type ModelFile, takeTensors } from "./model-file.ts";

/** Settings that weights do not have; others must agree with the weights. */
export type ImportOptions = Partial<VaeConfig>;

/**
 * Makes a model of a safetensors file of weights (F32, or F64, F16 and BF16, which become float32). Activation,
 * likelihood and seed are not in the weights; their defaults are VAE_DEFAULTS'.
 *
 * @example
 * const { config, tensors } = importModel(bytes, { activation: "tanh" });
 * const vae = await Vae.create(config, { tensors });
 *
 * @param bytes the whole file; not kept
 * @param options settings that the weights do not have; others must agree with the weights
 * @param name the file's name in errors: its path
 * @throws {FormatError} when the file, its names, its shapes or its numbers are not a model's
 * @throws {ConfigError} when an option is not allowed or contradicts the weights
 */
export function importModel(bytes: Uint8Array, options: ImportOptions = {}, name = "the weights"): ModelFile {
  const { config, header } = inspectWeights({ bytes, size: bytes.length }, options, name);
  const tensors = takeTensors(bytes, header, parameterTable(config).tensors, name);
  return { config, info: {}, tensors: byName(tensors) };
}

/**
 * What the first bytes of a file of weights say, as `inspectModel` does.
 *
 * @throws {FormatError} and {ConfigError} when `importModel` would, except for numbers that are not finite
 *
 * @internal
 */
export function inspectWeights(
  head: FileHead,
  options: ImportOptions,
  name: string,
): { readonly config: VaeConfig; readonly header: SafetensorsHeader } {
  expectKnown("the options", options, CONFIG_KEYS);
  const header = parseSafetensorsHeader(head, name);
  refuseOurs(header, name);
  const sizes = readSizes(header, name);
  expectAgreement(sizes, options, name);
  checkFile(`${name}: `, () => checkConfig(sizes));
  const config = checkConfig({ ...options, ...sizes });
  expectTensors(header, parameterTable(config).tensors, name);
  return { config, header };
}

/** A file of Elbow's own has an activation and a likelihood, which options or defaults must not replace. */
function refuseOurs({ metadata }: SafetensorsHeader, name: string): void {
  if (!["config", "contents", "formatVersion"].every((key) => Object.hasOwn(metadata, key))) return;
  const found = `a ${quote(metadata.contents ?? "")} that Elbow wrote`;
  throw fault(name, "weights of another program", found, "use it as it is");
}

function fault(setting: string, expected: string, found: string, remedy: string): FormatError {
  return new FormatError({ setting, expected, found, remedy });
}

function readSizes(file: SafetensorsHeader, name: string): Sizes {
  const has = (module: string): boolean => file.tensors.has(`${module}.weight`);
  return sizesOf(has, (module) => readMatrix(file, `${module}.weight`, name));
}

/** A layer's weights are [outputs, inputs], as torch.nn.Linear has them. */
function readMatrix(file: SafetensorsHeader, key: string, name: string): { inputs: number; outputs: number } {
  const tensor = file.tensors.get(key);
  if (tensor === undefined) {
    throw fault(name, `tensor ${key}`, listNames(file), `rename the layers to ${MODULE_NAMES}`);
  }
  const [outputs, inputs] = tensor.shape;
  if (tensor.shape.length === 2 && outputs && inputs) return { inputs, outputs };
  const setting = `${name}: tensor ${quote(key)}`;
  throw fault(setting, "shape [outputs, inputs]", describe(tensor.shape), "use fully connected layers");
}

function expectAgreement(sizes: Sizes, options: ImportOptions, name: string): void {
  for (const key of Object.keys(sizes) as (keyof Sizes)[]) {
    const given = options[key];
    if (given === undefined || String(given) === String(sizes[key])) continue;
    const expected = `${String(sizes[key])}, as the shapes in ${name} have`;
    const remedy = "use that or leave it out";
    throw new ConfigError({ setting: key, expected, found: String(given), remedy });
  }
}
