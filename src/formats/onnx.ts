/** A model as ONNX files (https://onnx.ai), which other runtimes run. */
import { type GraphProto, type NodeProto, serializeModelProto, type ValueInfoProto } from "../codecs/onnx.ts";
import { ConfigError } from "../errors.ts";
import { architecture, type Layer } from "../model/architecture.ts";
import type { VaeConfig } from "../model/config.ts";
import { viewOf } from "../model/layers/kinds.ts";
import { LIKELIHOODS, type LikelihoodEntry } from "../model/likelihoods.ts";
import { parameterCount, parameterTable } from "../model/parameters.ts";
import { byName, type NamedTensor } from "../model/tensors.ts";
import { describeModel, type ModelInfo } from "./metadata.ts";

/** Old enough for every runtime of today, young enough for nothing to be missing. ONNX 1.12. */
const OPSET = 17;
/** The version of the file format that came with it. */
const IR_VERSION = 8;

/** The longest message that protocol buffers allow is 2 GiB; some of that is not weights. */
const MOST_WEIGHT_BYTES = 2 ** 31 - 2 ** 20;

/** Three models over rows of float32; how many rows is open ("batch"). */
export interface OnnxFiles {
  /** x [batch, inputDim] → mu, logvar [batch, latentDim] */
  readonly encoder: Uint8Array<ArrayBuffer>;
  /** z [batch, latentDim] → mean [batch, inputDim], the mean of p(x|z) */
  readonly decoder: Uint8Array<ArrayBuffer>;
  /** x [batch, inputDim] → reconstruction [batch, inputDim], the mean of p(x|z) at z = mu */
  readonly reconstruction: Uint8Array<ArrayBuffer>;
}

/**
 * The bytes of three ONNX files: IR version 8, opset 17, the weights under PyTorch's names. The config and what else is
 * known stand in their `metadata_props`.
 *
 * @param model a `Vae`, or its config and its tensors.
 * @param info what else is known, for the metadata.
 * @throws {ConfigError} when the weights are more than an ONNX file can hold
 */
export function serializeOnnx(
  model: { readonly config: VaeConfig; tensors(): readonly NamedTensor[] },
  info: ModelInfo = {},
): OnnxFiles {
  const { config } = model;
  expectToFit(config);
  const { encoder, decoder } = architecture(config);
  const x = rowsOf("x", config.inputDim);
  const z = rowsOf("z", config.latentDim);
  const [mu, logvar] = [rowsOf("mu", config.latentDim), rowsOf("logvar", config.latentDim)];
  const [mean, reconstruction] = [rowsOf("mean", config.inputDim), rowsOf("reconstruction", config.inputDim)];
  const up = (...outputs: string[]) => chainNodes(encoder, config, "x", outputs);
  const down = (from: string, to: string) => decoderNodes(decoder, config, from, to);
  const tensors = byName(model.tensors());
  const file = (name: string, node: NodeProto[], input: ValueInfoProto, ...output: ValueInfoProto[]) => {
    // a graph has the weights that its nodes read
    const initializer = node.flatMap((one) => one.input.flatMap((key) => tensors.get(key) ?? []));
    return write({ name, node, initializer, input: [input], output }, config, info);
  };
  return {
    encoder: file("encoder", up("mu", "logvar"), x, mu, logvar),
    decoder: file("decoder", down("z", "mean"), z, mean),
    reconstruction: file("reconstruction", [...up("mu"), ...down("mu", "reconstruction")], x, reconstruction),
  };
}

/** A matrix of float32, as many rows as there are. */
function rowsOf(name: string, width: number): ValueInfoProto {
  return { name, shape: ["batch", width] };
}

/** The nodes of layers one after another, up to the last one's outputs by their names. */
function chainNodes(
  layers: readonly Layer[],
  config: VaeConfig,
  input: string,
  outputs: readonly string[],
): NodeProto[] {
  const nodes: NodeProto[] = [];
  for (const layer of layers) {
    const names = layer === layers.at(-1) ? outputs : undefined;
    nodes.push(...viewOf(layer).onnx(layer, config, nodes.at(-1)?.output[0] ?? input, names));
  }
  return nodes;
}

/** Operators that turn a decoder's output into the mean of p(x|z). */
const MEANS = { sigmoid: "Sigmoid" };

/** z → the mean of p(x|z) */
function decoderNodes(layers: readonly Layer[], config: VaeConfig, z: string, to: string): NodeProto[] {
  const { mean }: LikelihoodEntry = LIKELIHOODS[config.likelihood];
  if (!mean) return chainNodes(layers, config, z, [to]);
  const logits = chainNodes(layers, config, z, ["logits"]);
  return [...logits, { name: to, op_type: MEANS[mean], input: ["logits"], output: [to] }];
}

function expectToFit(config: VaeConfig): void {
  const bytes = 4 * parameterCount(parameterTable(config));
  if (bytes <= MOST_WEIGHT_BYTES) return;
  throw new ConfigError({
    setting: "the weights of an ONNX file",
    expected: `at most ${MOST_WEIGHT_BYTES} bytes`,
    found: `${bytes}`,
    remedy: "keep the safetensors file",
  });
}

function write(graph: GraphProto, config: VaeConfig, info: ModelInfo): Uint8Array<ArrayBuffer> {
  const { format, formatVersion, contents, ...known } = describeModel("model", config, info);
  return serializeModelProto({
    ir_version: IR_VERSION,
    opset: OPSET,
    producer_name: "elbow-vae",
    producer_version: info.elbow,
    doc_string: `The ${graph.name} of a variational autoencoder.`,
    graph,
    metadata_props: known,
  });
}
