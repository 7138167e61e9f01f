/** Numbers of every row of a dataset as a file: what `elbow encode` and `elbow score` write. */
import { extname } from "node:path";
import { serializeCsv } from "../codecs/csv.ts";
import { serializeNpy } from "../codecs/npy.ts";
import type { Split } from "../data/dataset.ts";
import { ConfigError } from "../errors.ts";
import { writeWhole } from "../files/file-node.ts";

/**
 * Before any work is done for it.
 *
 * @throws ConfigError where the name says nothing that can be written
 */
export function expectRowsFile(path: string): void {
  if (isNpy(path) || extname(path).toLowerCase() === ".csv") return;
  throw new ConfigError(`-o must be a file that ends in .npy or .csv, not ${path}`);
}

function isNpy(path: string): boolean {
  return extname(path).toLowerCase() === ".npy";
}

/**
 * NumPy's file holds the values alone; CSV has names above its columns, and before them the labels where there are any.
 *
 * @param values [rows, columns.length], row-major
 * @param shape NumPy's
 */
export async function writeRows(
  path: string,
  values: Float32Array | Float64Array,
  shape: readonly number[],
  columns: readonly string[],
  { labels }: Split,
): Promise<void> {
  const contents = isNpy(path)
    ? serializeNpy(values, shape)
    : serializeCsv(values, labels === undefined ? { columns } : { columns, labels });
  await writeWhole(path, contents);
}
