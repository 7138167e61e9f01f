import { parseIdxLabels, parseIdxRows } from "../codecs/idx.ts";
import { toHex } from "../codecs/sha256.ts";
import { DataError } from "../errors.ts";
import type { Dataset, Split } from "./dataset.ts";

/** The whole, uncompressed contents of an IDX file, and what errors call it. */
export interface IdxFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface IdxPair {
  readonly images: IdxFile;
  readonly labels?: IdxFile | undefined;
}

/** SHA-256 as 32 bytes, by whatever is fastest on the platform. */
export type Digest = (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/**
 * A split of IDX files.
 * @throws DataError where a file is not IDX, or there are more or fewer labels than images
 */
export function idxSplit(pair: IdxPair): Split {
  const rows = parseIdxRows(pair.images.name, pair.images.bytes);
  if (pair.labels === undefined) return rows;
  const labels = parseIdxLabels(pair.labels.name, pair.labels.bytes);
  if (labels.length !== rows.count) {
    throw new DataError(
      `${pair.labels.name}: expected ${rows.count} labels, as ${pair.images.name} has images, found ${labels.length}.`,
    );
  }
  return { ...rows, labels };
}

/**
 * A dataset of IDX files.
 * @throws DataError where a file is damaged or the files do not fit each other
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
    throw new DataError(
      `${test.images.name}: expected images of ${rowShape(trainSplit)}, as in ${train.images.name}, found ${rowShape(testSplit)}.`,
    );
  }
  return dataset(name, trainSplit, testSplit, digest);
}

/** A dataset of its splits, with its checksum. */
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
