/**
 * Weights that another program saved, a PyTorch `state_dict` above all, as a model: the sizes are read off the shapes.
 * The names are those of Elbow's own files, `fc1.weight` … or, for more than one hidden layer, `encoder.0.weight` ….
 */

import { describe, quote } from "../codecs/quote.ts";
import { listNames, parseSafetensors, type SafetensorsFile } from "../codecs/safetensors.ts";
import { ConfigError, FormatError } from "../errors.ts";
import { checkConfig, expectKnown, type VaeConfig } from "../model/config.ts";
import { parameterTable } from "../model/parameters.ts";
import { CONFIG_KEYS } from "./metadata.ts";
import { type ModelFile, takeTensors } from "./model-file.ts";

/** The settings that weights do not tell, and those that they do, which must agree with them. */
export type ImportOptions = Partial<VaeConfig>;

/** What the weights themselves say of a model. */
type Sizes = Pick<VaeConfig, "inputDim" | "hidden" | "latentDim">;

/**
 * Makes a model of a safetensors file of weights (F32, or F64, F16 and BF16, which become float32). Activation, likelihood
 * and seed are not in the weights: where `options` lacks them they are VAE_DEFAULTS'.
 *
 * @example
 * const { config, tensors } = importModel(bytes, { activation: "tanh" });
 * const vae = await Vae.create(config, { tensors });
 *
 * @param bytes the whole file; not kept.
 * @param options what the weights do not say; what they do say must agree with them.
 * @param name what to call the file in errors: its path.
 * @throws {FormatError} one line, where the file, its names, its shapes or its numbers are not a model's
 * @throws {ConfigError} where an option is not allowed or is not what the weights are
 */
export function importModel(bytes: Uint8Array, options: ImportOptions = {}, name = "the weights"): ModelFile {
  expectKnown("options", options, CONFIG_KEYS);
  const file = parseSafetensors(bytes, name);
  refuseOurs(file, name);
  const sizes = readSizes(file, name);
  expectAgreement(sizes, options, name);
  const config = wholeConfig(sizes, options, name);
  const tensors = takeTensors(file, parameterTable(config).tensors, name);
  return { config, info: {}, tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])) };
}

/** A file of Elbow's says what activation and likelihood it has; options or defaults must not say something else. */
function refuseOurs({ metadata }: SafetensorsFile, name: string): void {
  if (!["config", "contents", "formatVersion"].every((key) => Object.hasOwn(metadata, key))) return;
  const found = quote(metadata.contents ?? "");
  throw new FormatError(
    `${name}: expected weights of another program, found a ${found} that Elbow wrote; use it as it is.`,
  );
}

function readSizes(file: SafetensorsFile, name: string): Sizes {
  const deep = file.tensors.has("encoder.0.weight");
  const first = readMatrix(file, deep ? "encoder.0.weight" : "fc1.weight", name);
  const hidden = [first.outputs];
  if (deep) {
    for (let i = 1; file.tensors.has(`encoder.${i}.weight`); i++) {
      hidden.push(readMatrix(file, `encoder.${i}.weight`, name).outputs);
    }
    if (hidden.length === 1) {
      throw new FormatError(
        `${name}: expected encoder.1.weight after encoder.0.weight; number the layers without gaps, ` +
          "and call the only one of a model fc1 (then fc_mu, fc_logvar, fc3, fc4).",
      );
    }
  }
  return {
    inputDim: first.inputs,
    hidden,
    latentDim: readMatrix(file, "fc_mu.weight", name).outputs,
  };
}

/** A layer's weights are [outputs, inputs], as torch.nn.Linear has them. */
function readMatrix(file: SafetensorsFile, key: string, name: string): { inputs: number; outputs: number } {
  const tensor = file.tensors.get(key);
  if (tensor === undefined) {
    throw new FormatError(
      `${name}: expected a tensor ${key} (the layers are fc1, fc_mu, fc_logvar, fc3 and fc4, ` +
        "or encoder.0, encoder.1, …, fc_mu, fc_logvar, decoder.0, decoder.1, …), found " +
        `${listNames(file)}; rename them.`,
    );
  }
  const [outputs, inputs] = tensor.shape;
  if (tensor.shape.length === 2 && outputs && inputs) return { inputs, outputs };
  throw new FormatError(
    `${name}: tensor ${quote(key)} should have shape [outputs, inputs] but has ${describe(tensor.shape)}.`,
  );
}

function expectAgreement(sizes: Sizes, options: ImportOptions, name: string): void {
  for (const key of ["inputDim", "hidden", "latentDim"] as const) {
    const given = options[key];
    if (given === undefined || String(given) === String(sizes[key])) continue;
    throw new ConfigError(
      `${key} is ${String(given)}, but by the shapes in ${name} it is ${String(sizes[key])}; ` +
        "give that or leave it out",
    );
  }
}

function wholeConfig(sizes: Sizes, options: ImportOptions, name: string): VaeConfig {
  try {
    checkConfig(sizes);
  } catch (cause) {
    if (cause instanceof ConfigError) throw new FormatError(`${name}: ${cause.message}.`, { cause });
    throw cause;
  }
  return checkConfig({ ...options, ...sizes });
}
