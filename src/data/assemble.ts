import { parseIdxLabels, parseIdxRows } from "../codecs/idx.ts";
import { toHex } from "../codecs/sha256.ts";
import { DataError } from "../errors.ts";
import type { Dataset, Split } from "./dataset.ts";

/** The uncompressed contents of an IDX file, and its name in errors. */
export interface IdxFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface IdxPair {
  readonly images: IdxFile;
  readonly labels?: IdxFile | undefined;
}

/** SHA-256 as 32 bytes, by the platform's fastest way. */
export type Digest = (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/**
 * Reads a split of IDX files.
 * @throws {DataError} when a file is not IDX, or the numbers of labels and images differ
 */
export function idxSplit(pair: IdxPair): Split {
  const rows = parseIdxRows(pair.images.name, pair.images.bytes);
  if (pair.labels === undefined) return rows;
  const labels = parseIdxLabels(pair.labels.name, pair.labels.bytes);
  if (labels.length !== rows.count) {
    const expected = `${rows.count} labels, as ${pair.images.name} has images`;
    throw misfit(pair.labels.name, expected, String(labels.length));
  }
  return { ...rows, labels };
}

/**
 * Reads a dataset of IDX files.
 * @throws {DataError} when a file is damaged or the files do not fit each other
 */
export async function idxDataset(
  name: string,
  train: IdxPair,
  test: IdxPair,
  digest: Digest,
): Promise<Dataset> {
  const trainSplit = idxSplit(train);
  const testSplit = idxSplit(test);
  if (rowShape(trainSplit) !== rowShape(testSplit)) {
    const expected = `images of ${rowShape(trainSplit)}, as in ${train.images.name}`;
    throw misfit(test.images.name, expected, rowShape(testSplit));
  }
  return dataset(name, trainSplit, testSplit, digest);
}

function misfit(setting: string, expected: string, found: string): DataError {
  return new DataError({ setting, expected, found, remedy: "use files of one dataset" });
}

/** Makes a dataset of its splits and computes its checksum. */
export async function dataset(name: string, train: Split, test: Split, digest: Digest): Promise<Dataset> {
  const digests = await Promise.all([digest(bytesOf(train)), digest(bytesOf(test))]);
  const joined = new Uint8Array(64);
  joined.set(digests[0], 0);
  joined.set(digests[1], 32);
  return { name, sha256: toHex(await digest(joined)), train, test };
}

function bytesOf({ values }: Split): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function rowShape({ shape, dim }: Split): string {
  return shape === undefined ? `${dim} values` : shape.join(" × ");
}
