import { type IdxHeader, parseIdxLabels, parseIdxRows } from "../codecs/idx.ts";
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

/** What a file's header says, and its name in errors. */
export interface Outline extends Pick<IdxHeader, "count" | "dim" | "shape"> {
  readonly name: string;
}

export interface PairOutline {
  readonly images: Outline;
  readonly labels?: Pick<Outline, "name" | "count"> | undefined;
}

/**
 * Checks that files are of one dataset.
 * @throws {DataError} when the numbers of labels and images differ, or the images' shapes
 */
export function expectFit(train: PairOutline, test: PairOutline): void {
  for (const { images, labels } of [train, test]) {
    if (labels === undefined || labels.count === images.count) continue;
    throw misfit(labels.name, `${images.count} labels, as ${images.name} has images`, String(labels.count));
  }
  if (rowShape(train.images) === rowShape(test.images)) return;
  const expected = `images of ${rowShape(train.images)}, as in ${train.images.name}`;
  throw misfit(test.images.name, expected, rowShape(test.images));
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
  const splits = [idxSplit(train), idxSplit(test)] as const;
  expectFit(outline(train, splits[0]), outline(test, splits[1]));
  return dataset(name, ...splits, digest);
}

function idxSplit({ images, labels }: IdxPair): Split {
  const rows = parseIdxRows(images.name, images.bytes);
  return labels === undefined ? rows : { ...rows, labels: parseIdxLabels(labels.name, labels.bytes) };
}

function outline({ images, labels }: IdxPair, split: Split): PairOutline {
  return {
    images: { ...split, name: images.name },
    labels: labels && { name: labels.name, count: split.labels!.length },
  };
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

function rowShape({ shape, dim }: Outline): string {
  return shape === undefined ? `${dim} values` : shape.join(" × ");
}
