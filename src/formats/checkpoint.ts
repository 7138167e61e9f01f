/**
 * A checkpoint as a safetensors file: the model, Adam's two moments of each tensor (`adam.m.fc1.weight`, …), and the
 * progress of training in the metadata. Numbers are written in the fewest digits that are read as the same number, so a
 * resumed run is bitwise the run that never stopped.
 */

import type { FileHead } from "../codecs/head.ts";
import {
  expectTensors,
  parseSafetensorsHeader,
  type SafetensorsHeader,
  serializeSafetensors,
  type TensorsOfFile,
} from "../codecs/safetensors.ts";
import { checkTraining, type TrainingConfig, type VaeConfig } from "../model/config.ts";
import { parameterTable } from "../model/parameters.ts";
import { byName, type NamedTensor } from "../model/tensors.ts";
import { checkProgress, type TrainingState } from "../model/training-state.ts";
import {
  checkFile,
  describeModel,
  expectReadable,
  type Metadata,
  MetadataReader,
  type ModelInfo,
} from "./metadata.ts";
import { expectFinite, type Shapes, takeTensors } from "./model-file.ts";

/** Everything that training resumes from. */
export interface Checkpoint {
  readonly config: VaeConfig;
  readonly training: TrainingConfig;
  readonly state: TrainingState;
  readonly info: ModelInfo;
}

const M = "adam.m.";
const V = "adam.v.";

/**
 * The bytes of a checkpoint. `state` has the epochs and steps, and replaces `info.trained`.
 *
 * @throws {ConfigError} when `parseCheckpoint` would refuse the file
 */
export function serializeCheckpoint({ config, training, state, info }: Checkpoint): Uint8Array<ArrayBuffer> {
  const trained = { epochs: state.epoch, steps: state.step };
  const metadata = {
    ...describeModel("checkpoint", config, { ...info, trained }),
    batchSize: String(training.batchSize),
    learningRate: String(training.learningRate),
    reconstructionSum: String(state.reconstructionSum),
    klSum: String(state.klSum),
    seconds: String(state.seconds),
  };
  const prefixed = (prefix: string, tensors: readonly NamedTensor[]): NamedTensor[] =>
    tensors.map((tensor) => ({ ...tensor, name: prefix + tensor.name }));
  const tensors = [...state.parameters, ...prefixed(M, state.m), ...prefixed(V, state.v)];
  expectReadable(() => {
    check(metadata, { tensors: byName(tensors) }, "the checkpoint");
    for (const tensor of tensors) expectFinite(tensor, "the checkpoint");
  });
  return serializeSafetensors(tensors, metadata);
}

/**
 * Reads a checkpoint, with the same checks as `parseModel`.
 *
 * @throws {FormatError} when it is not a checkpoint of ours, whole and finite
 */
export function parseCheckpoint(bytes: Uint8Array, name: string): Checkpoint {
  const { header, progress, ...rest } = inspectCheckpoint({ bytes, size: bytes.length }, name);
  const { tensors: shapes } = parameterTable(rest.config);
  const found = takeTensors(bytes, header, allOf(shapes), name);
  const part = (index: number): NamedTensor[] =>
    shapes.map(([key], i) => ({ ...found[index * shapes.length + i]!, name: key }));
  return { ...rest, state: { ...progress, parameters: part(0), m: part(1), v: part(2) } };
}

/** A checkpoint without its tensors. */
interface Described extends Omit<Checkpoint, "state"> {
  readonly progress: Omit<TrainingState, "parameters" | "m" | "v">;
}

/** What the first bytes of a checkpoint say, as `inspectModel` does. */
export function inspectCheckpoint(
  head: FileHead,
  name: string,
): Described & { readonly header: SafetensorsHeader } {
  const header = parseSafetensorsHeader(head, name);
  return { ...check(header.metadata, header, name), header };
}

/** What a checkpoint says in its header, or will. */
function check(metadata: Metadata, file: TensorsOfFile<Pick<NamedTensor, "shape">>, name: string): Described {
  const reader = new MetadataReader(metadata, name);
  reader.expectContents("checkpoint");
  const config = reader.config();
  expectTensors(file, allOf(parameterTable(config).tensors), name);
  const given = { batchSize: reader.number("batchSize"), learningRate: reader.number("learningRate") };
  const training = checkFile(`${name}: __metadata__.`, () => checkTraining(given));
  const progress = {
    epoch: reader.wholeNumber("epochs"),
    step: reader.wholeNumber("steps"),
    reconstructionSum: reader.number("reconstructionSum"),
    klSum: reader.number("klSum"),
    seconds: reader.number("seconds"),
  };
  checkFile(`${name}: __metadata__.`, () => checkProgress(progress));
  return { config, training, info: reader.info(), progress };
}

/** The model's tensors, then those of each moment. */
function allOf(shapes: Shapes): Shapes {
  return ["", M, V].flatMap((prefix) => shapes.map(([key, shape]) => [prefix + key, shape] as const));
}
