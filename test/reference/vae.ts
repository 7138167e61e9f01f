import { ACTIVATIONS, type ActivationName } from "./activation.ts";
import { ADAM_DEFAULTS, type AdamSettings, adamStep } from "./adam.ts";
import { klBackward, klForward, sampleBackward, sampleForward } from "./latent.ts";
import { bernoulliBackward, bernoulliForward, gaussianBackward, gaussianForward } from "./likelihood.ts";
import {
  columnSums,
  matmulBackwardInput,
  matmulBackwardWeight,
  matmulForward,
  type Numbers,
  transpose,
} from "./matmul.ts";

/** The whole variational autoencoder in float64, under PyTorch's names and in PyTorch's [out, in] order. */

export interface VaeConfig {
  readonly inputDim: number;
  /** Sizes of the encoder's hidden layers; the decoder has the same ones, reversed. */
  readonly hidden: readonly number[];
  readonly latentDim: number;
  readonly activation: ActivationName;
  readonly likelihood: "bernoulli" | "gaussian";
}

/** A flat row-major array for each tensor, by its name in a PyTorch state dict. */
export type Tensors = Map<string, Float64Array>;

interface Layer {
  readonly name: string;
  readonly inDim: number;
  readonly outDim: number;
}

interface Layers {
  readonly encoder: readonly Layer[];
  readonly mu: Layer;
  readonly logvar: Layer;
  /** The last one is the linear output. */
  readonly decoder: readonly Layer[];
}

/** One hidden layer has the original program's names; every other depth counts `encoder.0`, …, `decoder.0`, …. */
function layersOf({ inputDim, hidden, latentDim }: VaeConfig): Layers {
  const single = hidden.length === 1;
  const chain = (sizes: readonly number[], nameAt: (index: number) => string): Layer[] =>
    sizes.slice(1).map((outDim, i) => ({ name: nameAt(i), inDim: sizes[i], outDim }));
  const top = hidden.at(-1) ?? inputDim;
  return {
    encoder: chain([inputDim, ...hidden], (i) => (single ? "fc1" : `encoder.${i}`)),
    mu: { name: "fc_mu", inDim: top, outDim: latentDim },
    logvar: { name: "fc_logvar", inDim: top, outDim: latentDim },
    decoder: chain([latentDim, ...hidden.toReversed(), inputDim], (i) =>
      single ? `fc${i + 3}` : `decoder.${i}`,
    ),
  };
}

/** Name and shape of every parameter, in the order of the state dict. */
export function parameterTable(config: VaeConfig): [name: string, shape: number[]][] {
  const { encoder, mu, logvar, decoder } = layersOf(config);
  return [...encoder, mu, logvar, ...decoder].flatMap(({ name, inDim, outDim }) => [
    [`${name}.weight`, [outDim, inDim]],
    [`${name}.bias`, [outDim]],
  ]);
}

/** What a hidden layer's activation is given, and what it returns, [rows, size]. */
export interface Hidden {
  readonly sums: Float64Array;
  readonly y: Float64Array;
}

export interface Forward {
  readonly encoder: readonly Hidden[];
  /** [rows, latentDim], as are logvar and z. */
  readonly mu: Float64Array;
  readonly logvar: Float64Array;
  readonly z: Float64Array;
  readonly decoder: readonly Hidden[];
  /** The linear output, [rows, inputDim]: logits (bernoulli) or means (gaussian). */
  readonly output: Float64Array;
  /** −log p(x|z) per row, in nats, without the Gaussian's constant. */
  readonly reconstruction: Float64Array;
  /** KL(q(z|x) ‖ N(0, I)) per row, in nats. */
  readonly kl: Float64Array;
  /** The sum of both over all rows: what the gradients are of. */
  readonly loss: number;
}

function tensor(tensors: Tensors, name: string): Float64Array {
  const values = tensors.get(name);
  if (!values) throw new Error(`there is no tensor ${name}`);
  return values;
}

export function sum(values: Numbers): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}

function add(a: Numbers, b: Numbers): Float64Array {
  return Float64Array.from(a, (value, i) => value + b[i]);
}

function linearForward(tensors: Tensors, layer: Layer, x: Numbers, rows: number): Float64Array {
  const { name, inDim, outDim } = layer;
  const w = transpose(tensor(tensors, `${name}.weight`), outDim, inDim);
  return matmulForward(x, w, tensor(tensors, `${name}.bias`), rows, inDim, outDim);
}

/** What every step of the backward pass needs; it writes `gradients`. */
interface Pass {
  readonly config: VaeConfig;
  readonly tensors: Tensors;
  readonly gradients: Tensors;
  readonly rows: number;
}

/** Writes the layer's own gradients and returns dx, [rows, inDim]. */
function linearBackward(
  { gradients, tensors, rows }: Pass,
  layer: Layer,
  x: Numbers,
  dy: Numbers,
): Float64Array {
  const { name, inDim, outDim } = layer;
  const w = transpose(tensor(tensors, `${name}.weight`), outDim, inDim);
  const dw = matmulBackwardWeight(x, dy, rows, inDim, outDim);
  gradients.set(`${name}.weight`, transpose(dw, inDim, outDim));
  gradients.set(`${name}.bias`, columnSums(dy, rows, outDim));
  return matmulBackwardInput(dy, w, rows, inDim, outDim);
}

/** Through dense layers with an activation after each. */
function stackForward(
  { activation }: VaeConfig,
  tensors: Tensors,
  layers: readonly Layer[],
  x: Numbers,
  rows: number,
): Hidden[] {
  const hidden: Hidden[] = [];
  for (const layer of layers) {
    const sums = linearForward(tensors, layer, hidden.at(-1)?.y ?? x, rows);
    hidden.push({ sums, y: ACTIVATIONS[activation].forward(sums) });
  }
  return hidden;
}

/** The twin of `stackForward`: dy belongs to the last layer's output; returns dx. */
function stackBackward(
  pass: Pass,
  layers: readonly Layer[],
  x: Numbers,
  hidden: readonly Hidden[],
  dy: Float64Array,
): Float64Array {
  const { backward } = ACTIVATIONS[pass.config.activation];
  let delta = dy;
  for (let i = layers.length - 1; i >= 0; i--) {
    const { sums, y } = hidden[i];
    delta = linearBackward(pass, layers[i], i > 0 ? hidden[i - 1].y : x, backward(delta, sums, y));
  }
  return delta;
}

/** x is [rows, inputDim], eps is [rows, latentDim]. */
export function vaeForward(
  config: VaeConfig,
  tensors: Tensors,
  x: Numbers,
  eps: Numbers,
  rows: number,
): Forward {
  const layers = layersOf(config);
  const encoder = stackForward(config, tensors, layers.encoder, x, rows);
  const top = encoder.at(-1)?.y ?? x;
  const mu = linearForward(tensors, layers.mu, top, rows);
  const logvar = linearForward(tensors, layers.logvar, top, rows);
  const z = sampleForward(mu, logvar, eps);
  const decoder = stackForward(config, tensors, layers.decoder.slice(0, -1), z, rows);
  const output = linearForward(tensors, layers.decoder.at(-1)!, decoder.at(-1)?.y ?? z, rows);

  const likelihood = config.likelihood === "bernoulli" ? bernoulliForward : gaussianForward;
  const reconstruction = likelihood(output, x, rows, config.inputDim);
  const kl = klForward(mu, logvar, rows, config.latentDim);
  const loss = sum(reconstruction) + sum(kl);
  return { encoder, mu, logvar, z, decoder, output, reconstruction, kl, loss };
}

/** The gradient of `forward.loss` with respect to every parameter, under the parameters' names. */
export function vaeBackward(
  config: VaeConfig,
  tensors: Tensors,
  x: Numbers,
  eps: Numbers,
  rows: number,
  { encoder, mu, logvar, z, decoder, output }: Forward,
): Tensors {
  const layers = layersOf(config);
  const gradients: Tensors = new Map();
  const pass = { config, tensors, gradients, rows };

  const doutput = (config.likelihood === "bernoulli" ? bernoulliBackward : gaussianBackward)(output, x);
  const ddecoder = linearBackward(pass, layers.decoder.at(-1)!, decoder.at(-1)?.y ?? z, doutput);
  const dz = stackBackward(pass, layers.decoder.slice(0, -1), z, decoder, ddecoder);

  const fromSample = sampleBackward(dz, logvar, eps);
  const fromKl = klBackward(mu, logvar);
  const dmu = add(fromSample.dmu, fromKl.dmu);
  const dlogvar = add(fromSample.dlogvar, fromKl.dlogvar);

  const top = encoder.at(-1)?.y ?? x;
  const dtop = add(
    linearBackward(pass, layers.mu, top, dmu),
    linearBackward(pass, layers.logvar, top, dlogvar),
  );
  stackBackward(pass, layers.encoder, x, encoder, dtop);
  return gradients;
}

/** A model in training: parameters, Adam's moments, and how many steps it has made. */
export interface TrainingState {
  readonly config: VaeConfig;
  readonly parameters: Tensors;
  readonly m: Tensors;
  readonly v: Tensors;
  step: number;
}

/** Starts from a copy of the given parameters, with moments of 0. */
export function trainingState(config: VaeConfig, parameters: ReadonlyMap<string, Numbers>): TrainingState {
  const each = (value: (values: Numbers) => Float64Array): Tensors =>
    new Map([...parameters].map(([name, values]) => [name, value(values)]));
  const zeros = (values: Numbers): Float64Array => new Float64Array(values.length);
  return {
    config,
    parameters: each((values) => Float64Array.from(values)),
    m: each(zeros),
    v: each(zeros),
    step: 0,
  };
}

/** Forward, backward and Adam on one batch. Returns the forward, made with the parameters before the step. */
export function trainStep(
  state: TrainingState,
  x: Numbers,
  eps: Numbers,
  rows: number,
  adam: AdamSettings = ADAM_DEFAULTS,
): Forward {
  const { config, parameters, m, v } = state;
  const forward = vaeForward(config, parameters, x, eps, rows);
  const gradients = vaeBackward(config, parameters, x, eps, rows, forward);
  state.step++;
  for (const [name, values] of parameters) {
    adamStep(values, tensor(m, name), tensor(v, name), tensor(gradients, name), state.step, adam);
  }
  return forward;
}
