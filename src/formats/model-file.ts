/** A model as a safetensors file: PyTorch's names and shapes for the weights, the config beside them. */

import type { FileHead } from "../codecs/head.ts";
import { quote } from "../codecs/quote.ts";
import {
  decodeTensor,
  expectTensors,
  parseSafetensorsHeader,
  readMetadata,
  type SafetensorsHeader,
  serializeSafetensors,
  type TensorsOfFile,
} from "../codecs/safetensors.ts";
import { FormatError } from "../errors.ts";
import type { VaeConfig } from "../model/config.ts";
import { findNotFinite } from "../model/finite.ts";
import { parameterTable } from "../model/parameters.ts";
import { byName, type NamedTensor } from "../model/tensors.ts";
import { describeModel, expectReadable, type Metadata, MetadataReader, type ModelInfo } from "./metadata.ts";

/**
 * Names and shapes of tensors, as in `parameterTable`.
 *
 * @internal
 */
export type Shapes = ReadonlyArray<readonly [name: string, shape: readonly number[]]>;

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
  expectReadable(() => {
    checkModel(metadata, { tensors: byName(tensors) }, "the model");
    for (const tensor of tensors) expectFinite(tensor, "the model");
  });
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
  const { config, info, header } = inspectModel({ bytes, size: bytes.length }, name);
  const tensors = takeTensors(bytes, header, parameterTable(config).tensors, name);
  return { config, info, tensors: byName(tensors) };
}

/**
 * What the first bytes of a model file say. Whatever they show to be wrong is refused before the rest is read.
 *
 * @throws {FormatError} when `parseModel` would, except for numbers that are not finite
 *
 * @internal
 */
export function inspectModel(
  head: FileHead,
  name: string,
): { readonly config: VaeConfig; readonly info: ModelInfo; readonly header: SafetensorsHeader } {
  // The kind of file comes first: a trace has tensors that are no weights.
  new MetadataReader(readMetadata(head, name), name).expectContents("model");
  const header = parseSafetensorsHeader(head, name);
  return { ...checkModel(header.metadata, header, name), header };
}

/** What a model file says in its header, or will. */
function checkModel(
  metadata: Metadata,
  file: TensorsOfFile<Pick<NamedTensor, "shape">>,
  name: string,
): Pick<ModelFile, "config" | "info"> {
  const reader = new MetadataReader(metadata, name);
  const config = reader.config();
  expectTensors(file, parameterTable(config).tensors, name);
  return { config, info: reader.info() };
}

/**
 * Exactly the tensors of a table, in its order, all of them finite.
 *
 * @param bytes the whole file
 *
 * @internal
 */
export function takeTensors(
  bytes: Uint8Array,
  header: SafetensorsHeader,
  shapes: Shapes,
  fileName: string,
): NamedTensor[] {
  return expectTensors(header, shapes, fileName).map((entry) => {
    const { name, shape } = entry;
    return expectFinite({ name, shape, data: decodeTensor(bytes, header, entry) }, fileName);
  });
}

/** @internal */
export function expectFinite(tensor: NamedTensor, fileName: string): NamedTensor {
  const bad = findNotFinite(tensor.data);
  if (bad < 0) return tensor;
  throw new FormatError({
    setting: `${fileName}: tensor ${quote(tensor.name)}`,
    expected: "finite numbers",
    found: `${tensor.data[bad]} at element ${bad}`,
    remedy: "use weights from before the loss diverged",
  });
}
