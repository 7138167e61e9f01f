import type { NamedTensor } from "../../src/model/tensors.ts";
import type { TrainingState } from "../../src/model/training-state.ts";

/** A state in the middle of an epoch, whose moments are the parameters. */
export function stateOf(parameters: readonly NamedTensor[]): TrainingState {
  const sums = { reconstructionSum: 1234.5, klSum: 0.25, seconds: 1.5 };
  return { epoch: 3, step: 17, ...sums, parameters, m: parameters, v: parameters };
}
