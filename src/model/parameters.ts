import { ConfigError } from "../errors.ts";
import { seedKey } from "../random/philox.ts";
import { PURPOSE } from "../random/purpose.ts";
import { type Kernels, LANES, panelsOf, ROW_BYTES } from "../wasm/kernels.ts";
import type { VaeConfig } from "./config.ts";

/** A dense layer's place in the buffer of parameters. */
export interface Layer {
  /** PyTorch's name of the module, `fc1`; its tensors are `fc1.weight` and `fc1.bias`. */
  readonly name: string;
  /** Inputs. */
  readonly k: number;
  /** Outputs. */
  readonly n: number;
  /** Byte offset in the buffer: panels of [k + 1][16], the bias under the weights. */
  readonly offset: number;
  /** ⌈n/16⌉ · (k + 1) · 64. */
  readonly bytes: number;
}

/** The layers of a model, in the order in which they stand in memory and in files. */
export interface ParameterTable {
  /** The dense layers, from the input to the output. */
  readonly layers: readonly Layer[];
  /** Every tensor's name and PyTorch shape, [out, in] for weights. */
  readonly tensors: readonly (readonly [name: string, shape: readonly number[]])[];
  /** Bytes of the whole buffer. */
  readonly bytes: number;
}

/** A tensor as files hold it: row-major, in PyTorch's order. */
export interface NamedTensor {
  /** PyTorch's: `fc1.weight`, `encoder.0.bias`, … */
  readonly name: string;
  /** [out, in] for weights, [out] for biases. */
  readonly shape: readonly number[];
  /** As many numbers as the shape says. */
  readonly data: Float32Array;
}

/**
 * Names and sizes of the layers. With one hidden layer the names are the original program's; deeper models number the
 * layers of each side: encoder.0, encoder.1, …, fc_mu, fc_logvar, decoder.0, …
 */
function layerSizes({ inputDim, hidden, latentDim }: VaeConfig): [name: string, k: number, n: number][] {
  const shallow = hidden.length === 1;
  const up = [inputDim, ...hidden];
  const down = [latentDim, ...hidden.toReversed(), inputDim];
  const last = hidden.at(-1)!;
  return [
    ...hidden.map((n, i): [string, number, number] => [shallow ? "fc1" : `encoder.${i}`, up[i], n]),
    // μ and log σ² stand side by side, so that together they are one matrix
    ["fc_mu", last, latentDim],
    ["fc_logvar", last, latentDim],
    ...down
      .slice(1)
      .map((n, i): [string, number, number] => [shallow ? `fc${i + 3}` : `decoder.${i}`, down[i], n]),
  ];
}

/** The one table from which sizes, views and files are made. */
export function parameterTable(config: VaeConfig): ParameterTable {
  let bytes = 0;
  const layers = layerSizes(config).map(([name, k, n]): Layer => {
    const size = panelsOf(n) * (k + 1) * ROW_BYTES;
    const layer = { name, k, n, offset: bytes, bytes: size };
    bytes += size;
    return layer;
  });
  const tensors = layers.flatMap(({ name, k, n }) => [
    [`${name}.weight`, [n, k]] as const,
    [`${name}.bias`, [n]] as const,
  ]);
  return { layers, tensors, bytes };
}

/**
 * How many numbers a model has to learn.
 *
 * @internal
 */
export function parameterCount({ layers }: ParameterTable): number {
  return layers.reduce((sum, { k, n }) => sum + (k + 1) * n, 0);
}

/** Where weight [out j, in 0] stands in a layer's floats; [out j, in i] is i × LANES further, and the bias is "in k". */
function columnIndex({ k }: Layer, j: number): number {
  return Math.floor(j / LANES) * (k + 1) * LANES + (j % LANES);
}

/**
 * Copies a buffer of parameters (or of Adam's moments) out, tensor by tensor.
 *
 * @internal
 */
export function unpackTensors(table: ParameterTable, buffer: Float32Array): NamedTensor[] {
  return table.layers.flatMap((layer) => {
    const { name, k, n, offset } = layer;
    const floats = buffer.subarray(offset / 4);
    const weight = new Float32Array(n * k);
    const bias = new Float32Array(n);
    for (let j = 0; j < n; j++) {
      const column = columnIndex(layer, j);
      for (let i = 0; i < k; i++) weight[j * k + i] = floats[column + i * LANES];
      bias[j] = floats[column + k * LANES];
    }
    return [
      { name: `${name}.weight`, shape: [n, k], data: weight },
      { name: `${name}.bias`, shape: [n], data: bias },
    ];
  });
}

/**
 * @param kind what the tensors are, where they are not the parameters themselves: `m`, `v`
 * @throws {ConfigError} when a tensor of the table is missing or has another size
 *
 * @internal
 */
export function expectTensors(
  { tensors }: ParameterTable,
  given: ReadonlyMap<string, { readonly data: Float32Array }>,
  kind?: string,
): void {
  for (const [name, shape] of tensors) {
    const count = shape.reduce((product, size) => product * size, 1);
    const found = given.get(name)?.data.length;
    if (found === count) continue;
    throw new ConfigError(
      `expected ${count} numbers for ${kind ? `${kind} of ` : ""}${name} [${shape.join(", ")}], ` +
        `found ${found ?? "none"}`,
    );
  }
}

/**
 * Copies tensors into a buffer of parameters; they have passed expectTensors.
 *
 * @internal
 */
export function packTensors(
  table: ParameterTable,
  tensors: ReadonlyMap<string, { readonly data: Float32Array }>,
  buffer: Float32Array,
): void {
  for (const layer of table.layers) {
    const { name, k, n, offset } = layer;
    const floats = buffer.subarray(offset / 4);
    const weight = tensors.get(`${name}.weight`)!.data;
    const bias = tensors.get(`${name}.bias`)!.data;
    for (let j = 0; j < n; j++) {
      const column = columnIndex(layer, j);
      for (let i = 0; i < k; i++) floats[column + i * LANES] = weight[j * k + i];
      floats[column + k * LANES] = bias[j];
    }
  }
}

/**
 * U(−1/√k, 1/√k) for weights and biases of k inputs, as torch.nn.Linear.reset_parameters.
 *
 * @internal
 */
export function initialize(kernels: Kernels, table: ParameterTable, at: number, seed: number): void {
  const [key0, key1] = seedKey(seed);
  for (const [index, { k, n, offset }] of table.layers.entries()) {
    const stride = (k + 1) * ROW_BYTES;
    kernels.philoxUniform(at + offset, stride, k + 1, n, 1 / Math.sqrt(k), index, PURPOSE.init, key0, key1);
  }
}
