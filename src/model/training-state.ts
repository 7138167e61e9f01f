import type { NamedTensor } from "./parameters.ts";

/** All that a training run needs to go on as if it had never stopped. */
export interface TrainingState {
  /** Whole epochs that are done. */
  readonly epoch: number;
  /** Steps that are done of the epoch after them. */
  readonly step: number;
  /** The sums over those steps' rows, in nats, and the seconds that they took. */
  readonly reconstructionSum: number;
  readonly klSum: number;
  readonly seconds: number;
  readonly parameters: readonly NamedTensor[];
  /** Adam's first and second moments, named as their parameters. */
  readonly m: readonly NamedTensor[];
  readonly v: readonly NamedTensor[];
}
