/** `elbow encode`: the latent means of rows, as a file. */
import { tuneEngine } from "../node.ts";
import { groupDigits } from "../report/numbers.ts";
import { dataFor, openModel } from "./open-model.ts";
import type { DataFlags, OutputFlags } from "./options.ts";
import { expectOutput, print } from "./output.ts";
import { writeRows } from "./rows-file.ts";

export interface EncodeFlags extends DataFlags, OutputFlags {
  readonly split: "test" | "train";
}

export async function encodeCommand(path: string, flags: EncodeFlags): Promise<void> {
  const { output } = flags;
  await expectOutput(flags, ".npy", ".csv");
  tuneEngine();
  const model = await openModel(path);
  const split = (await dataFor(model, flags))[flags.split];
  const { mu } = model.vae.encode(split.values);
  const { latentDim } = model.config;
  const columns = Array.from({ length: latentDim }, (_, i) => `mu${i}`);
  await writeRows(flags, mu, [split.count, latentDim], columns, split);
  print(
    `${output}: latent means of ${groupDigits(split.count)} ${flags.split} rows, ${latentDim} numbers each`,
  );
}
