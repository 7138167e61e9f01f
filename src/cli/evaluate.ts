/** `elbow evaluate`: the mean negative ELBO of the test rows. */

import { LIKELIHOODS } from "../model/likelihoods.ts";
import { lossOf } from "../model/objective.ts";
import { tuneEngine } from "../node.ts";
import { groupDigits } from "../report/numbers.ts";
import { dataFor, openModel } from "./open-model.ts";
import type { DataFlags } from "./options.ts";
import { columns, print, printJson } from "./output.ts";

export interface EvaluateFlags extends DataFlags {
  readonly json?: boolean;
}

export async function evaluateCommand(path: string, flags: EvaluateFlags): Promise<void> {
  tuneEngine();
  const model = await openModel(path);
  const { name, test } = await dataFor(model, flags);
  const losses = model.vae.losses(test.values);
  // Summed in the order of rows, as in training: bitwise the figures of metrics.jsonl.
  const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / test.count;
  const reconstruction = mean(losses.reconstruction);
  const kl = mean(losses.kl);
  const loss = lossOf({ reconstruction, kl });
  if (flags.json) {
    return printJson({
      model: model.path,
      data: name,
      rows: test.count,
      testLoss: loss,
      testReconstruction: reconstruction,
      testKl: kl,
    });
  }
  print(`${groupDigits(test.count)} test rows of ${name}, in nats per row:`);
  const table = columns(
    [
      ["negative ELBO", loss.toFixed(3)],
      ["reconstruction", reconstruction.toFixed(3)],
      ["KL divergence", kl.toFixed(3)],
    ],
    [1],
  );
  for (const line of table) print(`  ${line}`);
  const { likelihood, inputDim } = model.config;
  const constant = LIKELIHOODS[likelihood].constant(inputDim);
  if (constant > 0) {
    print(
      `The constant of the unit-variance Gaussian, ½·${inputDim}·log 2π = ${constant.toFixed(3)}, is not included.`,
    );
  }
}
