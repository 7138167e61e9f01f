import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { promisify } from "node:util";
import { gunzip as gunzipCallback } from "node:zlib";
import { isGzip, MOST_UNZIPPED_BYTES, notGzip, tooLarge, unzippedSizeHint } from "../codecs/gzip.ts";
import { DataError, type FileError } from "../errors.ts";
import { readWhole } from "../files/file-node.ts";
import { dataset, type IdxFile, idxDataset } from "./assemble.ts";
import type { Dataset } from "./dataset.ts";
import { digitsSplits } from "./digits.ts";
import type { DownloadOptions } from "./download.ts";
import { type DownloadableName, isDownloadable, NAMED_DATASETS } from "./registry.ts";
import { defaultDataDir, downloadDataset, findDataset, type IdxPaths, idxPathsOf } from "./store-node.ts";

/** Where a dataset is read from, and the progress of its download. */
export interface LoadOptions extends Pick<DownloadOptions, "onProgress" | "signal"> {
  /** Directory of named datasets (default: `data/` of a checkout, else the user's cache directory). */
  readonly dataDir?: string | undefined;
  /** Seed of `digits`, the only generated dataset (default: 0). */
  readonly seed?: number | undefined;
}

const unzip = promisify(gunzipCallback);
/** zlib's smallest output buffer: if a file claims too little, zlib allocates another for each chunk. */
const LEAST_CHUNK_BYTES = 0x1_0000;

/**
 * Loads a dataset by its name (`mnist`, `fashion-mnist`, `digits`) or the path of a directory of IDX files. A named
 * dataset is downloaded once.
 *
 * @throws {DataUnavailableError} when a named dataset is not on this machine and cannot be downloaded
 * @throws {DataError} when files are missing, damaged, or do not fit each other
 * @throws {FileError} when a download cannot be written
 * @throws the signal's reason when it is aborted
 */
export async function loadDataset(nameOrPath: string, options: LoadOptions = {}): Promise<Dataset> {
  if (nameOrPath === "digits") return digits(options);
  if (isDownloadable(nameOrPath)) return loadNamed(nameOrPath, options);
  const directory = resolve(nameOrPath);
  const there = await stat(directory).catch(() => undefined);
  if (!there?.isDirectory()) {
    const expected = `${Object.keys(NAMED_DATASETS).join(", ")}, digits or a directory of IDX files`;
    const found = there ? "a file" : "no such directory";
    const remedy = there ? "give its directory" : "check the name or path";
    throw new DataError({ setting: nameOrPath, expected, found, remedy });
  }
  return readIdx(basename(directory), await idxPathsOf(directory));
}

/**
 * Loads MNIST (LeCun, Cortes and Burges): 60 000 training and 10 000 test images of 28 × 28, a byte a pixel. It is
 * downloaded once, to `dataDir`, and checked against known SHA-256 sums.
 *
 * @throws {DataUnavailableError} when it is not on this machine and cannot be downloaded
 * @throws {DataError} when files are missing, damaged, or do not fit each other
 * @throws {FileError} when a download cannot be written
 * @throws the signal's reason when it is aborted
 */
export function mnist(options: LoadOptions = {}): Promise<Dataset> {
  return loadNamed("mnist", options);
}

/** Loads Fashion-MNIST (Xiao, Rasul and Vollgraf 2017), of MNIST's sizes. Throws what {@link mnist} throws. */
export function fashionMnist(options: LoadOptions = {}): Promise<Dataset> {
  return loadNamed("fashion-mnist", options);
}

/**
 * Draws the embedded digits, of MNIST's sizes, from a seed. Needs no files and no network.
 *
 * @throws {ConfigError} when the seed is not an integer from 0 to 2⁵³ − 1
 */
export async function digits(options: Pick<LoadOptions, "seed"> = {}): Promise<Dataset> {
  const { train, test } = digitsSplits(options.seed);
  return dataset("digits", train, test, sha256Sync);
}

async function loadNamed(name: DownloadableName, options: LoadOptions): Promise<Dataset> {
  const { dataDir = defaultDataDir(), onProgress, signal } = options;
  const paths =
    (await findDataset(name, dataDir)) ?? (await downloadDataset(name, dataDir, { onProgress, signal }));
  return readIdx(name, paths);
}

async function readIdx(name: string, paths: IdxPaths): Promise<Dataset> {
  const [trainImages, testImages, trainLabels, testLabels] = await Promise.all([
    readContents(paths.trainImages),
    readContents(paths.testImages),
    readIfGiven(paths.trainLabels),
    readIfGiven(paths.testLabels),
  ]);
  const train = { images: trainImages, labels: trainLabels };
  const test = { images: testImages, labels: testLabels };
  return idxDataset(name, train, test, sha256Sync);
}

async function readIfGiven(path: string | undefined): Promise<IdxFile | undefined> {
  return path === undefined ? undefined : readContents(path);
}

/**
 * Reads a file and decompresses gzip on a thread of the pool. zlib in one call is three times as fast as
 * `DecompressionStream`; its buffer has room for one byte more than expected, or it would allocate a second chunk.
 */
async function readContents(path: string): Promise<IdxFile> {
  const bytes = await readWhole(path).catch(({ fault, cause }: FileError) => {
    throw new DataError(fault, { cause });
  });
  if (!isGzip(bytes)) return { name: path, bytes };
  const chunkSize = Math.max(unzippedSizeHint(bytes) + 1, LEAST_CHUNK_BYTES);
  try {
    const contents = await unzip(bytes, { chunkSize, maxOutputLength: MOST_UNZIPPED_BYTES });
    // Rows must not be Buffers, whose `slice` is a view.
    return { name: path, bytes: new Uint8Array(contents.buffer, contents.byteOffset, contents.byteLength) };
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(path);
    throw notGzip(path, error);
  }
}

/** In Node the synchronous digest is faster than Web Crypto for large arrays, which it copies. */
function sha256Sync(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
