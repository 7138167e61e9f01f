import type { Kernels } from "../wasm/kernels.ts";

/**
 * p(x|z): Bernoulli for numbers from 0 to 1, with the sigmoid of the decoder's output as mean and the binary cross-entropy as
 * loss; or Gaussian of unit variance for any finite numbers, with the output as mean and the loss ½‖x − mean‖², without
 * its constant ½·D·log 2π. In nats, summed over the D numbers of a row.
 */
export type Likelihood = "bernoulli" | "gaussian";

/**
 * p(x|z): all that the rest of the code has to know about it.
 *
 * @internal
 */
export interface LikelihoodEntry {
  /** Outputs of the decoder for each value of a row. */
  readonly outputs: number;
  /** The kernel of −log p(x|z) and its gradient; its twin without gradient has Loss behind the name. */
  readonly kernel: Parameters<Kernels["loss"]>[0];
  /** The kernel that turns the decoder's output into the mean of p(x|z), where it is not the mean already. */
  readonly mean?: "sigmoid";
  /** The least and the greatest value of data that it describes, and these in words. */
  readonly support: readonly [least: number, most: number];
  readonly values: string;
  /** What is left out of all losses because no model changes it, in nats for a row of `dim` values. */
  readonly constant: (dim: number) => number;
}

/** @internal */
export const LIKELIHOODS: Readonly<Record<Likelihood, LikelihoodEntry>> = {
  bernoulli: {
    outputs: 1,
    kernel: "bernoulli",
    mean: "sigmoid",
    support: [0, 1],
    values: "numbers from 0 to 1",
    constant: () => 0,
  },
  gaussian: {
    outputs: 1,
    kernel: "gaussian",
    support: [-Number.MAX_VALUE, Number.MAX_VALUE],
    values: "finite numbers",
    constant: (dim) => 0.5 * dim * Math.log(2 * Math.PI),
  },
};
