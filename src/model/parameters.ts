import { countOf } from "../codecs/shape.ts";
import { ConfigError } from "../errors.ts";
import { seedKey } from "../random/philox.ts";
import type { Kernels } from "../wasm/kernels.ts";
import { readMatrix, writeMatrix } from "../wasm/matrix.ts";
import { architecture, type Layer, layersOf } from "./architecture.ts";
import type { VaeConfig } from "./config.ts";
import { kindOf } from "./layers/kinds.ts";
import type { PlacedTensor } from "./layers/layer.ts";
import type { NamedTensor, Tensors } from "./tensors.ts";

/** The parameters of a model, in the order in which they stand in memory and in files. */
export interface ParameterTable {
  /** Every tensor's name and PyTorch shape, [out, in] for weights. */
  readonly tensors: readonly (readonly [name: string, shape: readonly number[]])[];
  /** Bytes of the whole buffer. */
  readonly bytes: number;
  /**
   * The layers, each with the byte offset of its parameters.
   *
   * @internal
   */
  readonly places: readonly { readonly layer: Layer; readonly offset: number }[];
  /**
   * The tensors, where they are in the buffer.
   *
   * @internal
   */
  readonly placed: readonly PlacedTensor[];
}

/** The one table from which sizes, views and files are made. */
export function parameterTable(config: VaeConfig): ParameterTable {
  let bytes = 0;
  const places = layersOf(architecture(config)).map((layer) => {
    const offset = bytes;
    bytes += kindOf(layer).bytes(layer);
    return { layer, offset };
  });
  const placed = places.flatMap(({ layer, offset }) => kindOf(layer).tensors(layer, offset));
  return { tensors: placed.map(({ name, shape }) => [name, shape]), bytes, places, placed };
}

/**
 * How many numbers a model learns.
 *
 * @internal
 */
export function parameterCount({ tensors }: ParameterTable): number {
  return tensors.reduce((sum, [, shape]) => sum + countOf(shape), 0);
}

/**
 * Copies a buffer of parameters (or of Adam's moments) out, tensor by tensor.
 *
 * @internal
 */
export function unpackTensors({ placed }: ParameterTable, buffer: Float32Array): NamedTensor[] {
  return placed.map(({ name, shape, matrix, size, steps }) => {
    const data = new Float32Array(countOf(shape));
    readMatrix(buffer, matrix, size, data, steps);
    return { name, shape, data };
  });
}

/**
 * @param kind what the tensors are, where they are not the parameters themselves: `m`, `v`
 * @throws {ConfigError} when a tensor of the table is missing or has another size
 *
 * @internal
 */
export function expectTensors({ tensors }: ParameterTable, given: Tensors, kind?: string): void {
  for (const [name, shape] of tensors) {
    const found = given.get(name)?.data.length;
    if (found === countOf(shape)) continue;
    throw new ConfigError({
      setting: `${kind ? `${kind} of ` : ""}${name}`,
      expected: `${countOf(shape)} numbers [${shape.join(", ")}]`,
      found: String(found ?? "none"),
    });
  }
}

/**
 * Copies tensors into a buffer of parameters; they have passed expectTensors.
 *
 * @internal
 */
export function packTensors({ placed }: ParameterTable, tensors: Tensors, buffer: Float32Array): void {
  for (const { name, matrix, size, steps } of placed) {
    writeMatrix(buffer, matrix, size, tensors.get(name)!.data, steps);
  }
}

/**
 * Initial parameters at byte offset `at`, a function of the seed.
 *
 * @internal
 */
export function initialize(kernels: Kernels, { places }: ParameterTable, at: number, seed: number): void {
  let stream = 0;
  for (const { layer, offset } of places) {
    stream = kindOf(layer).initialize(kernels, layer, at + offset, stream, seedKey(seed));
  }
}
