/** `elbow score`: the negative ELBO of each row, as a file. */
import { checkSamples } from "../model/config.ts";
import { tuneEngine } from "../node.ts";
import { groupDigits } from "../report/numbers.ts";
import type { EncodeFlags } from "./encode.ts";
import { dataFor, openModel } from "./open-model.ts";
import { expectOutput, print } from "./output.ts";
import { writeRows } from "./rows-file.ts";

export interface ScoreFlags extends EncodeFlags {
  readonly samples?: number;
  readonly seed?: number;
}

export async function scoreCommand(path: string, flags: ScoreFlags): Promise<void> {
  const { output } = flags;
  const samples = checkSamples(flags.samples);
  await expectOutput(flags, ".npy", ".csv");
  tuneEngine();
  const model = await openModel(path);
  const split = (await dataFor(model, flags))[flags.split];
  const scores = model.vae.score(split.values, { samples, seed: flags.seed ?? model.config.seed });
  await writeRows(flags, scores, [split.count], ["score"], split);
  const mean = scores.reduce((sum, score) => sum + score, 0) / split.count;
  const each = samples === 1 ? "" : `, ${groupDigits(samples)} posterior samples each`;
  print(
    `${output}: negative ELBO of ${groupDigits(split.count)} ${flags.split} rows${each}, mean ${mean.toFixed(3)} nats`,
  );
}
