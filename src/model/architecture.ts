// What the model is, said once: its layers in order, and the named activations between them. The table of parameters,
// memory, initial weights, forward and backward pass, ONNX files, imports and descriptions are folds over this list.

import type { VaeConfig } from "./config.ts";
import { LIKELIHOODS } from "./likelihoods.ts";

/** A named activation: one row of this shape for each row of the batch. */
export interface Signal {
  readonly name: string;
  /** Of a row: [width], or the widths of parts that stand side by side. */
  readonly shape: readonly number[];
  /** The data, what a hidden layer computes, q(z|x)'s μ and log σ², z, or the parameters of p(x|z). */
  readonly role: "data" | "hidden" | "posterior" | "latent" | "output";
}

/** y = f(x·W + b). Several modules side by side read the same input: together they are one matrix W. */
export interface DenseLayer {
  readonly kind: "dense";
  readonly input: Signal;
  readonly output: Signal;
  /** Its torch.nn.Linear modules: PyTorch's names, and the outputs of each. */
  readonly modules: readonly { readonly name: string; readonly outputs: number }[];
}

/** A layer of any kind; src/model/layers has a file for each. */
export type Layer = DenseLayer;

/** x → encoder → μ and log σ² side by side; z → decoder → the parameters of p(x|z). */
export type Architecture = Halves<Layer>;

/** Something for each layer of either half. */
export interface Halves<T> {
  readonly encoder: readonly T[];
  readonly decoder: readonly T[];
}

/** The sizes that the shapes of the weights tell. */
export type Sizes = Pick<VaeConfig, "inputDim" | "hidden" | "latentDim">;

/**
 * Names are the original program's where there is one hidden layer: fc1, fc_mu, fc_logvar, fc3, fc4. Deeper models number
 * the layers of each side: encoder.0, encoder.1, …, fc_mu, fc_logvar, decoder.0, ….
 */
export function architecture({ inputDim, hidden, latentDim, likelihood }: VaeConfig): Architecture {
  const shallow = hidden.length === 1;
  const outputs = inputDim * LIKELIHOODS[likelihood].outputs;
  const up = hidden.map((width, i): Modules => [{ name: encoderName(i, shallow), outputs: width }]);
  const down = [...hidden.toReversed(), outputs].map((width, i): Modules => {
    return [{ name: shallow ? `fc${i + 3}` : `decoder.${i}`, outputs: width }];
  });
  const heads = [MU, LOGVAR].map((name) => ({ name, outputs: latentDim }));
  return {
    encoder: chain({ name: "x", shape: [inputDim], role: "data" }, [...up, heads], "encoder", "posterior"),
    decoder: chain({ name: "z", shape: [latentDim], role: "latent" }, down, "decoder", "output"),
  };
}

type Modules = DenseLayer["modules"];

const MU = "fc_mu";
const LOGVAR = "fc_logvar";

function encoderName(i: number, shallow: boolean): string {
  return shallow ? "fc1" : `encoder.${i}`;
}

/** Dense layers, each of which reads what the one before writes. */
function chain(input: Signal, all: readonly Modules[], side: string, last: Signal["role"]): DenseLayer[] {
  const layers: DenseLayer[] = [];
  for (const [i, modules] of all.entries()) {
    const hidden = i < all.length - 1;
    const shape = modules.map(({ outputs }) => outputs);
    const output: Signal = { name: hidden ? `${side}.${i}` : last, shape, role: hidden ? "hidden" : last };
    layers.push({ kind: "dense", input: layers.at(-1)?.output ?? input, output, modules });
  }
  return layers;
}

/** All layers, or what there is for each, in the order of their parameters in memory and in files. */
export function layersOf<T>({ encoder, decoder }: Halves<T>): readonly T[] {
  return [...encoder, ...decoder];
}

/** `784-400-2-400-784` */
export function widthsText(config: VaeConfig): string {
  const widths = layersOf(architecture(config)).map(({ modules }) => modules[0]!.outputs);
  return [config.inputDim, ...widths].join("-");
}

/** The names of modules that weights of another program must have. */
export const MODULE_NAMES =
  "fc1, fc_mu, fc_logvar, fc3, fc4, or encoder.0, …, fc_mu, fc_logvar, decoder.0, …";

/** The inverse of `architecture`: the sizes of a model from the shapes of its modules, which `read` finds by their names. */
export function sizesOf(
  has: (module: string) => boolean,
  read: (module: string) => { readonly inputs: number; readonly outputs: number },
): Sizes {
  const shallow = !has(encoderName(0, false));
  const first = read(encoderName(0, shallow));
  const hidden = [first.outputs];
  // a deep model has two hidden layers at least, so that the second must be there
  while (!shallow && (hidden.length === 1 || has(encoderName(hidden.length, false)))) {
    hidden.push(read(encoderName(hidden.length, false)).outputs);
  }
  return { inputDim: first.inputs, hidden, latentDim: read(MU).outputs };
}
