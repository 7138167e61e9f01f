import type { NamedTensor } from "./tensors.ts";

/** All that a training run needs to resume as if it had never stopped. */
export interface TrainingState {
  /** Whole epochs that are done. */
  readonly epoch: number;
  /** Steps that are done of the epoch after them. */
  readonly step: number;
  /** −log p(x|z), summed over those steps' rows, in nats. */
  readonly reconstructionSum: number;
  /** KL(q(z|x) ‖ p(z)), summed over those steps' rows, in nats. */
  readonly klSum: number;
  /** What those steps took. */
  readonly seconds: number;
  /** Weights and biases. */
  readonly parameters: readonly NamedTensor[];
  /** Adam's first moments, named as their parameters. */
  readonly m: readonly NamedTensor[];
  /** Adam's second moments, named as their parameters. */
  readonly v: readonly NamedTensor[];
}
