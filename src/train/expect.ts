import type { Rows } from "../data/dataset.ts";
import { ConfigError } from "../errors.ts";
import type { VaeConfig } from "../model/config.ts";
import { expectTensors } from "../model/parameters.ts";
import { expectSupport, expectValues } from "../model/row-values.ts";
import { byName } from "../model/tensors.ts";
import { checkProgress, type TrainingState } from "../model/training-state.ts";
import type { Vae } from "../model/vae.ts";

/** @throws {ConfigError} when there are no rows, or they do not fit the model */
export function expectRows(what: string, rows: Rows, config: VaeConfig): void {
  const { inputDim } = config;
  const { values, count, dim } = rows;
  const fault = (part: string, expected: string, found: unknown) =>
    new ConfigError({ setting: `${part} of the ${what} rows`, expected, found: String(found) });
  expectValues(`values of the ${what} rows`, values);
  if (dim !== inputDim) throw fault("dim", `${inputDim} (the model's inputDim)`, dim);
  if (!Number.isInteger(count) || count < 1 || values.length !== count * dim) {
    throw fault(
      "count",
      `a whole number from 1 with count × ${dim} = ${values.length} (the length of values)`,
      count,
    );
  }
  expectSupport(` of the ${what} rows`, values, config);
}

/**
 * @throws {ConfigError} when a state to resume is not this model's, has numbers that training could not have come to, or
 * has more steps than an epoch: it would never end
 */
export function expectState(state: TrainingState, { table }: Vae, steps: number): void {
  expectTensors(table, byName(state.parameters));
  for (const moment of ["m", "v"] as const) expectTensors(table, byName(state[moment]), moment);
  checkProgress(state);
  if (state.step <= steps) return;
  throw new ConfigError({
    setting: "resume",
    expected: `a step from 0 to ${steps} (an epoch has ${steps} steps here)`,
    found: `step ${state.step}`,
    remedy: "resume with the original rows and batch size",
  });
}
