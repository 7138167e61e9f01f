/** A model as a safetensors file: PyTorch's names and shapes for the weights, the config beside them. */

import { quote } from "../codecs/quote.ts";
import {
  expectTensors,
  parseSafetensors,
  readMetadata,
  serializeSafetensors,
  type TensorsOfFile,
} from "../codecs/safetensors.ts";
import { FormatError } from "../errors.ts";
import type { VaeConfig } from "../model/config.ts";
import { findNotFinite } from "../model/finite.ts";
import { parameterTable } from "../model/parameters.ts";
import { byName, type NamedTensor } from "../model/tensors.ts";
import { describeModel, expectReadable, type Metadata, MetadataReader, type ModelInfo } from "./metadata.ts";

/** Names and shapes of tensors, as in `parameterTable`. */
type Shapes = ReadonlyArray<readonly [name: string, shape: readonly number[]]>;

/** A model file's contents, checked: the tensors are those of the config, whole and finite. */
export interface ModelFile {
  /** The model's settings. */
  readonly config: VaeConfig;
  /** Weights and biases by their names, in the file's order. */
  readonly tensors: ReadonlyMap<string, NamedTensor>;
  /** The file's metadata; empty for weights of another program. */
  readonly info: ModelInfo;
}

/**
 * The bytes of a model file. PyTorch reads it with `load_state_dict(safetensors.torch.load_file(path))`.
 *
 * @param model a `Vae`, or its config and its tensors.
 * @param info what else is known, for the file's metadata; it changes no weight.
 * @throws {ConfigError} when `parseModel` would refuse the file: a tensor is missing, has another shape than the config
 *   says or is not finite, or something in `info` is not what it should be
 */
export function serializeModel(
  model: { readonly config: VaeConfig; tensors(): readonly NamedTensor[] },
  info: ModelInfo = {},
): Uint8Array<ArrayBuffer> {
  const metadata = describeModel("model", model.config, info);
  const tensors = model.tensors();
  expectReadable(() => readModel({ metadata, tensors: byName(tensors) }, "the model"));
  return serializeSafetensors(tensors, metadata);
}

/**
 * Reads a model file; `Vae.create(file.config, { tensors: file.tensors })` then creates the model. The sizes in the file
 * are compared with its bytes before anything of that size is allocated.
 *
 * @param bytes the whole file; not kept.
 * @param name what to call the file in errors: its path.
 * @throws {FormatError} when it is not a model of ours, whole and with finite weights
 */
export function parseModel(bytes: Uint8Array, name = "the model"): ModelFile {
  // The kind of file comes first: a trace has tensors that are no weights.
  new MetadataReader(readMetadata(bytes, name), name).expectContents("model");
  return readModel(parseSafetensors(bytes, name), name);
}

function readModel(file: TensorsOfFile & { readonly metadata: Metadata }, name: string): ModelFile {
  const reader = new MetadataReader(file.metadata, name);
  const config = reader.config();
  const tensors = takeTensors(file, parameterTable(config).tensors, name);
  return { config, info: reader.info(), tensors: byName(tensors) };
}

/**
 * Exactly the tensors of a table, in its order, all of them finite.
 *
 * @internal
 */
export function takeTensors(file: TensorsOfFile, shapes: Shapes, fileName: string): NamedTensor[] {
  return expectTensors(file, shapes, fileName).map((data, i) => {
    const [name, shape] = shapes[i]!;
    const bad = findNotFinite(data);
    if (bad < 0) return { name, shape, data };
    throw new FormatError({
      setting: `${fileName}: tensor ${quote(name)}`,
      expected: "finite numbers",
      found: `${data[bad]} at element ${bad}`,
      remedy: "use weights from before the loss diverged",
    });
  });
}
