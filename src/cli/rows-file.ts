/** Files with numbers for each row of a dataset, as `elbow encode` and `elbow score` write them. */
import { extname } from "node:path";
import { serializeCsv } from "../codecs/csv.ts";
import { serializeNpy } from "../codecs/npy.ts";
import type { Split } from "../data/dataset.ts";
import type { OutputFlags } from "./options.ts";
import { writeOutput } from "./output.ts";

/**
 * Writes NumPy or CSV. Only CSV has column names and, if the dataset has labels, a first column of labels.
 *
 * @param values [rows, columns.length], row-major
 * @param shape NumPy's
 */
export async function writeRows(
  flags: OutputFlags,
  values: Float32Array | Float64Array,
  shape: readonly number[],
  columns: readonly string[],
  { labels }: Split,
): Promise<void> {
  const contents =
    extname(flags.output).toLowerCase() === ".npy"
      ? serializeNpy(values, shape)
      : serializeCsv(values, labels === undefined ? { columns } : { columns, labels });
  await writeOutput(flags, contents);
}
