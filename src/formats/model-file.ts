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
} from "../codecs/safetensors.ts";
import { FormatError } from "../errors.ts";
import type { VaeConfig } from "../model/config.ts";
import { parameterTable } from "../model/parameters.ts";
import { byName, type NamedTensor } from "../model/tensors.ts";
import { describeModel, MetadataReader, type ModelInfo } from "./metadata.ts";

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
 * @throws {ConfigError} when a tensor's shape and its data do not fit
 */
export function serializeModel(
  model: { readonly config: VaeConfig; tensors(): readonly NamedTensor[] },
  info: ModelInfo = {},
): Uint8Array<ArrayBuffer> {
  return serializeSafetensors(model.tensors(), describeModel("model", model.config, info));
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
  const reader = new MetadataReader(readMetadata(head, name), name);
  reader.expectContents("model");
  const header = parseSafetensorsHeader(head, name);
  const config = reader.config();
  expectTensors(header, parameterTable(config).tensors, name);
  return { config, info: reader.info(), header };
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
    const data = decodeTensor(bytes, header, entry);
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

/** The index of the first element that is not finite, or -1. A callback per element would take most of a cold start. */
function findNotFinite(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
}
