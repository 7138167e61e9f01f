/** A model as ONNX files (https://onnx.ai), which other runtimes run. */
import { type GraphProto, serializeModelProto } from "../codecs/onnx.ts";
import { ConfigError } from "../errors.ts";
import type { VaeConfig } from "../model/config.ts";
import { type NamedTensor, parameterTable } from "../model/parameters.ts";
import { describeModel, type ModelInfo } from "./metadata.ts";
import { OnnxGraph } from "./onnx-graph.ts";

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
 * @throws {ConfigError} where the weights are more than an ONNX file can hold
 */
export function serializeOnnx(
  model: { readonly config: VaeConfig; tensors(): readonly NamedTensor[] },
  info: ModelInfo = {},
): OnnxFiles {
  const { config } = model;
  expectToFit(config);
  const source = { config, tensors: new Map(model.tensors().map((tensor) => [tensor.name, tensor])) };
  const x = { name: "x", width: config.inputDim };
  const z = { name: "z", width: config.latentDim };
  const latent = (name: string) => ({ name, width: config.latentDim });
  const row = (name: string) => ({ name, width: config.inputDim });

  const encoder = new OnnxGraph(source);
  const hidden = encoder.encoderHidden(x.name);
  const heads = [latent(encoder.mu(hidden)), latent(encoder.logvar(hidden))];
  const decoder = new OnnxGraph(source);
  const mean = row(decoder.decoder(z.name, "mean"));
  const whole = new OnnxGraph(source);
  const mu = whole.mu(whole.encoderHidden(x.name));
  const reconstruction = row(whole.decoder(mu, "reconstruction"));

  return {
    encoder: write(encoder.finish("encoder", x, heads), config, info),
    decoder: write(decoder.finish("decoder", z, [mean]), config, info),
    reconstruction: write(whole.finish("reconstruction", x, [reconstruction]), config, info),
  };
}

function expectToFit(config: VaeConfig): void {
  const sizes = parameterTable(config).tensors.map(([, shape]) =>
    shape.reduce((product, size) => product * size, 4),
  );
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  if (bytes <= MOST_WEIGHT_BYTES) return;
  throw new ConfigError(
    `an ONNX file can hold ${MOST_WEIGHT_BYTES} bytes of weights, but these are ${bytes}; keep the safetensors file`,
  );
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
