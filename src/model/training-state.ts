import { checkSettings, type Setting, type Settings, wholeNumber } from "./settings.ts";
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

const COUNT = wholeNumber(0, Number.MAX_SAFE_INTEGER);

const FINITE: Setting<number> = {
  expected: "a finite number",
  accepts: Number.isFinite,
  default: undefined,
};

/** The numbers of a state: all but its tensors. */
type Progress = Omit<TrainingState, "parameters" | "m" | "v">;

const PROGRESS: Settings<Progress> = {
  epoch: COUNT,
  step: COUNT,
  reconstructionSum: FINITE,
  klSum: FINITE,
  seconds: FINITE,
};

/**
 * The numbers of a state to resume; its tensors are checked elsewhere.
 *
 * @throws {ConfigError} when training could not have come to one of them
 *
 * @internal
 */
export function checkProgress(state: Progress): Progress {
  return checkSettings(PROGRESS, state, true);
}
