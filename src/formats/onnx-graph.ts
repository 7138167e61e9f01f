/** The halves of a model as graphs of ONNX operators: Gemm, Relu or Tanh, Sigmoid. */
import type { GraphProto, NodeProto, ValueInfoProto } from "../codecs/onnx.ts";
import type { VaeConfig } from "../model/config.ts";
import { type NamedTensor, parameterTable } from "../model/parameters.ts";

const OPERATORS = { relu: "Relu", tanh: "Tanh" } as const;

export interface OnnxSource {
  readonly config: VaeConfig;
  /** By their names. */
  readonly tensors: ReadonlyMap<string, NamedTensor>;
}

interface Wire {
  readonly name: string;
  readonly width: number;
}

/** Collects nodes in the order of their use, so that every input has been made before it is read. */
export class OnnxGraph {
  readonly #source: OnnxSource;
  readonly #nodes: NodeProto[] = [];
  readonly #weights: NamedTensor[] = [];
  readonly #layers: readonly string[];

  constructor(source: OnnxSource) {
    this.#source = source;
    this.#layers = parameterTable(source.config).layers.map(({ name }) => name);
  }

  /** x → the last hidden layer of the encoder. */
  encoderHidden(x: string): string {
    const { hidden } = this.#source.config;
    return this.#layers.slice(0, hidden.length).reduce((input, layer) => this.#hidden(layer, input), x);
  }

  mu(hidden: string): string {
    return this.#gemm("fc_mu", hidden, "mu");
  }

  logvar(hidden: string): string {
    return this.#gemm("fc_logvar", hidden, "logvar");
  }

  /** z → the mean of p(x|z), under the name that is given. */
  decoder(z: string, mean: string): string {
    const { hidden, likelihood } = this.#source.config;
    const layers = this.#layers.slice(hidden.length + 2);
    const top = layers.slice(0, -1).reduce((input, layer) => this.#hidden(layer, input), z);
    const last = layers.at(-1)!;
    if (likelihood === "gaussian") return this.#gemm(last, top, mean);
    return this.#apply("Sigmoid", this.#gemm(last, top, "logits"), mean);
  }

  /** The graph of all that was collected. */
  finish(name: string, input: Wire, outputs: readonly Wire[]): GraphProto {
    return {
      name,
      node: this.#nodes,
      initializer: this.#weights,
      input: [rowsOf(input)],
      output: outputs.map(rowsOf),
    };
  }

  #hidden(layer: string, input: string): string {
    const operator = OPERATORS[this.#source.config.activation];
    return this.#apply(operator, this.#gemm(layer, input, layer), `${layer}.${operator.toLowerCase()}`);
  }

  /** input · weightᵀ + bias: the weights stay [out, in], as PyTorch has them. */
  #gemm(layer: string, input: string, output: string): string {
    const names = [`${layer}.weight`, `${layer}.bias`];
    for (const name of names) this.#weights.push(this.#source.tensors.get(name)!);
    this.#nodes.push({
      name: layer,
      op_type: "Gemm",
      input: [input, ...names],
      output: [output],
      attribute: { transB: 1 },
    });
    return output;
  }

  #apply(operator: string, input: string, output: string): string {
    this.#nodes.push({ name: output, op_type: operator, input: [input], output: [output] });
    return output;
  }
}

/** A matrix of float32, as many rows as there are. */
function rowsOf({ name, width }: Wire): ValueInfoProto {
  return { name, shape: ["batch", width] };
}
