/** `elbow score` */
import { tuneEngine } from "../node.ts";
import { groupDigits } from "../report/numbers.ts";
import type { EncodeFlags } from "./encode.ts";
import { dataFor, openModel } from "./open-model.ts";
import { print } from "./output.ts";
import { expectRowsFile, writeRows } from "./rows-file.ts";

export interface ScoreFlags extends EncodeFlags {
  readonly samples?: number;
  readonly seed?: number;
}

export async function scoreCommand(path: string, flags: ScoreFlags): Promise<void> {
  const { output, samples = 1 } = flags;
  expectRowsFile(output);
  tuneEngine();
  const model = await openModel(path);
  const split = (await dataFor(model, flags))[flags.split];
  const scores = model.vae.score(split.values, { samples, seed: flags.seed ?? model.config.seed });
  await writeRows(output, scores, [split.count], ["score"], split);
  const mean = scores.reduce((sum, score) => sum + score, 0) / split.count;
  const draws = samples === 1 ? "" : ` with ${groupDigits(samples)} draws each`;
  print(
    `${output}: the negative ELBO of ${groupDigits(split.count)} rows${draws}, ${mean.toFixed(3)} nats in the mean`,
  );
}
