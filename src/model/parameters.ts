import { ConfigError } from "../errors.ts";
import { seedKey } from "../random/philox.ts";
import type { Kernels } from "../wasm/kernels.ts";
import { architecture, type Layer, layersOf } from "./architecture.ts";
import type { VaeConfig } from "./config.ts";
import { kindOf } from "./layers/kinds.ts";
import { countOf, type NamedTensor, type Tensors } from "./tensors.ts";

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
}

/** The one table from which sizes, views and files are made. */
export function parameterTable(config: VaeConfig): ParameterTable {
  let bytes = 0;
  const places = layersOf(architecture(config)).map((layer) => {
    const offset = bytes;
    bytes += kindOf(layer).bytes(layer);
    return { layer, offset };
  });
  return { tensors: places.flatMap(({ layer }) => kindOf(layer).tensors(layer)), bytes, places };
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
export function unpackTensors({ places }: ParameterTable, buffer: Float32Array): NamedTensor[] {
  return places.flatMap(({ layer, offset }) => kindOf(layer).unpack(layer, buffer, offset));
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
export function packTensors({ places }: ParameterTable, tensors: Tensors, buffer: Float32Array): void {
  for (const { layer, offset } of places) kindOf(layer).pack(layer, tensors, buffer, offset);
}

/**
 * Initial parameters at byte offset `at`, a function of the seed.
 *
 * @internal
 */
export function initialize(kernels: Kernels, { places }: ParameterTable, at: number, seed: number): void {
  let stream = 0;
  for (const { layer, offset } of places) {
    kindOf(layer).initialize(kernels, layer, at + offset, stream, seedKey(seed));
    stream += kindOf(layer).streams(layer);
  }
}
