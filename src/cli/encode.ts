/** `elbow encode` */
import { extname } from "node:path";
import { ConfigError } from "../errors.ts";
import { serializeCsv } from "../formats/csv.ts";
import { writeWhole } from "../formats/files-node.ts";
import { serializeNpy } from "../formats/npy.ts";
import { tuneEngine } from "../node.ts";
import { groupDigits } from "../report/metrics.ts";
import { type DataFlags, dataFor, openModel } from "./open-model.ts";
import { print } from "./output.ts";

export interface EncodeFlags extends DataFlags {
  readonly split: "test" | "train";
  readonly output: string;
}

export async function encodeCommand(path: string, flags: EncodeFlags): Promise<void> {
  const { output } = flags;
  const extension = extname(output).toLowerCase();
  if (extension !== ".npy" && extension !== ".csv") {
    throw new ConfigError(`-o must be a file that ends in .npy or .csv, not ${output}`);
  }
  tuneEngine();
  const model = await openModel(path);
  const dataset = await dataFor(model, flags);
  const { values, count, labels } = dataset[flags.split];
  const { mu } = model.vae.encode(values);
  const { latentDim } = model.config;
  if (extension === ".npy") await writeWhole(output, serializeNpy(mu, count, latentDim));
  else {
    const columns = Array.from({ length: latentDim }, (_, i) => `mu${i}`);
    await writeWhole(output, serializeCsv(mu, labels === undefined ? { columns } : { columns, labels }));
  }
  print(`${output}: the latent means of ${groupDigits(count)} rows, ${latentDim} numbers each`);
}
