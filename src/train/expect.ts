import type { Rows } from "../data/dataset.ts";
import { ConfigError } from "../errors.ts";
import type { VaeConfig } from "../model/config.ts";
import { LIKELIHOODS } from "../model/likelihoods.ts";
import { expectTensors } from "../model/parameters.ts";
import type { TrainingState } from "../model/training-state.ts";
import type { Vae } from "../model/vae.ts";
import { byName } from "./open-session.ts";

/** @throws {ConfigError} when there are no rows, or they do not fit the model */
export function expectRows(what: string, rows: Rows, { inputDim, likelihood }: VaeConfig): void {
  const { values, count, dim } = rows;
  const fault = (setting: string, expected: string, found: unknown) =>
    new ConfigError({ setting: `${setting} of the ${what} rows`, expected, found: String(found) });
  if (!(values instanceof Float32Array || values instanceof Uint8Array)) {
    throw fault(
      "values",
      "a Float32Array or a Uint8Array, row-major",
      values === null ? null : typeof values,
    );
  }
  if (dim !== inputDim) throw fault("dim", `${inputDim}, as the model's inputDim`, dim);
  if (!Number.isInteger(count) || count < 1 || values.length !== count * dim) {
    throw fault("count", `a whole number from 1 with count × ${dim} = ${values.length} values`, count);
  }
  if (values instanceof Uint8Array) return;
  const { support, values: words } = LIKELIHOODS[likelihood];
  const bad = values.findIndex((value) => !(value >= support[0] && value <= support[1]));
  if (bad >= 0)
    throw fault(`row ${Math.floor(bad / dim)}`, `${words} (${likelihood} likelihood)`, values[bad]);
}

/** @throws {ConfigError} when a state to resume is not this model's, or has more steps than an epoch: it would never end */
export function expectState(state: TrainingState, { table }: Vae, steps: number): void {
  expectTensors(table, byName(state.parameters));
  for (const moment of ["m", "v"] as const) expectTensors(table, byName(state[moment]), moment);
  if (state.step <= steps) return;
  throw new ConfigError({
    setting: "resume",
    expected: `a state at one of the ${steps} steps that an epoch has here`,
    found: `step ${state.step}`,
    remedy: "resume with the original rows and batch size",
  });
}
