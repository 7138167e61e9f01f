import { LANES } from "../../src/wasm/layout.ts";
import { panelsOf } from "../../src/wasm/matrix.ts";
import type { Case } from "./case.ts";
import { ELEMENTWISE, elementwise, sigmoid } from "./elementwise.ts";
import { kl, latentBackward, reparameterize } from "./latent.ts";
import { LIKELIHOODS, loss, lossAndGradient } from "./likelihood.ts";
import { gather, transpose, transposeBack } from "./moves.ts";
import { linear, linearBackwardInput, linearBackwardWeight, linearSparse, type Shape } from "./products.ts";
import { normal, uniform } from "./random.ts";
import { countEntries, listColumns, listRows } from "./sparse.ts";
import { adam, linearUpdate, linearUpdateSparse } from "./updates.ts";

/** The sizes of a model with one hidden layer on each side, and of its data. */
export interface Sizes {
  readonly batch: number;
  readonly inputDim: number;
  readonly hidden: number;
  readonly latentDim: number;
  /** The part of the data that is not zero. */
  readonly density: number;
}

/** A model's layers; μ and log σ² are one, in panels of their own. */
export function layersOf({ batch: rows, inputDim, hidden, latentDim }: Sizes) {
  return {
    fc1: { name: "fc1", rows, k: inputDim, n: hidden },
    heads: { name: "heads", rows, k: hidden, n: 2 * panelsOf(latentDim) * LANES },
    fc3: { name: "fc3", rows, k: latentDim, n: hidden },
    fc4: { name: "fc4", rows, k: hidden, n: inputDim },
  } as const satisfies Record<string, Shape>;
}

/** Every kernel, at a model's sizes. */
export function allCases(sizes: Sizes): Case[] {
  const { batch, inputDim, hidden, latentDim, density } = sizes;
  const { fc1, heads, fc3, fc4 } = layersOf(sizes);
  const sparse = { ...fc1, density };
  return [
    linear(fc1, "relu"),
    linear(heads, "none"),
    linear(fc3, "relu"),
    linear(fc4, "none"),
    linear(fc3, "tanh"),
    ...[heads, fc3, fc4].map((layer) => linearBackwardInput(layer)),
    ...[fc1, heads, fc3, fc4].map((layer) => linearBackwardWeight(layer)),
    ...[fc1, heads, fc4].map((layer) => linearUpdate(layer)),
    linearSparse(sparse, "relu"),
    linearUpdateSparse(sparse),
    listRows(sparse),
    listColumns(sparse),
    countEntries(sparse),
    adam(panelsOf(hidden) * (inputDim + 1)),
    ...ELEMENTWISE.map((kernel) => elementwise(kernel, batch, hidden)),
    ...LIKELIHOODS.flatMap((kernel) => [
      lossAndGradient(kernel, batch, inputDim),
      loss(kernel, batch, inputDim),
    ]),
    sigmoid(batch, inputDim),
    reparameterize(batch, latentDim),
    kl(batch, latentDim),
    latentBackward(batch, latentDim),
    gather("gatherBytes", batch, inputDim, 2000),
    gather("gatherFloats", batch, inputDim, 500),
    transpose(batch, inputDim),
    transposeBack(batch, hidden),
    normal(batch, latentDim),
    uniform(inputDim, hidden, 1 / Math.sqrt(inputDim)),
  ];
}
