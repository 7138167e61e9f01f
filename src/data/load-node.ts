import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { promisify } from "node:util";
import { gunzip as gunzipCallback } from "node:zlib";
import { isGzip, MOST_UNZIPPED_BYTES, notGzip, tooLarge, unzippedSizeHint } from "../codecs/gzip.ts";
import { DataError } from "../errors.ts";
import { dataset, type IdxFile, idxDataset } from "./assemble.ts";
import type { Dataset } from "./dataset.ts";
import { digitsSplits } from "./digits.ts";
import type { DownloadOptions } from "./download.ts";
import { type DownloadableName, isDownloadable, NAMED_DATASETS } from "./registry.ts";
import { defaultDataDir, downloadDataset, findDataset, type IdxPaths, idxPathsOf } from "./store-node.ts";

/** Where a dataset comes from, and who hears of its way. */
export interface LoadOptions extends Pick<DownloadOptions, "onProgress" | "signal"> {
  /** Where named datasets are looked for and downloaded to; `data/` of a checkout, else the user's cache folder if left out. */
  readonly dataDir?: string | undefined;
  /** Of `digits`, the only dataset that is made, not read; 0 if left out. */
  readonly seed?: number | undefined;
}

const unzip = promisify(gunzipCallback);
/** The least output that zlib is given room for: where the file's own figure is wrong, it asks again and again. */
const LEAST_CHUNK_BYTES = 0x1_0000;

/**
 * A dataset by its name (`mnist`, `fashion-mnist`, `digits`) or by the path of a directory of IDX files. A named one is
 * downloaded where it is not here yet.
 *
 * @throws {DataUnavailableError} where a named dataset is neither here nor to be had
 * @throws {DataError} where files are missing, damaged, or do not fit each other
 * @throws {FileError} where a download cannot be kept
 * @throws the signal's reason, when it is aborted
 */
export async function loadDataset(nameOrPath: string, options: LoadOptions = {}): Promise<Dataset> {
  if (nameOrPath === "digits") return digits(options);
  if (isDownloadable(nameOrPath)) return loadNamed(nameOrPath, options);
  const directory = resolve(nameOrPath);
  const there = await stat(directory).catch(() => undefined);
  if (!there?.isDirectory()) {
    const names = [...Object.keys(NAMED_DATASETS), "digits"].join(", ");
    const found = there ? "a file (give the directory that it is in)" : "no such directory";
    throw new DataError(`${nameOrPath}: expected ${names} or a directory of IDX files, found ${found}.`);
  }
  return readIdx(basename(directory), await idxPathsOf(directory));
}

/**
 * MNIST (LeCun, Cortes and Burges): 60 000 training and 10 000 test images of 28 × 28, a byte a pixel. Downloaded once,
 * to `dataDir`, and checked against known SHA-256 sums.
 *
 * @throws {DataUnavailableError} where it is neither here nor to be had
 * @throws {DataError} where files are missing, damaged, or do not fit each other
 * @throws {FileError} where a download cannot be kept
 * @throws the signal's reason, when it is aborted
 */
export function mnist(options: LoadOptions = {}): Promise<Dataset> {
  return loadNamed("mnist", options);
}

/** Fashion-MNIST (Xiao, Rasul and Vollgraf 2017), of MNIST's sizes. Throws what {@link mnist} throws. */
export function fashionMnist(options: LoadOptions = {}): Promise<Dataset> {
  return loadNamed("fashion-mnist", options);
}

/**
 * The embedded digits, of MNIST's sizes, drawn from a seed: needs no files and no network.
 *
 * @throws {ConfigError} where the seed is not an integer from 0 to 2⁵³ − 1
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
 * A file's contents, decompressed on a thread of the pool where it is gzip. zlib in one call is three times as fast as
 * `DecompressionStream`; its output has room for one byte more than expected, or it would ask for a second chunk.
 */
async function readContents(path: string): Promise<IdxFile> {
  const bytes = await readWhole(path);
  if (!isGzip(bytes)) return { name: path, bytes: plainView(bytes) };
  const chunkSize = Math.max(unzippedSizeHint(bytes) + 1, LEAST_CHUNK_BYTES);
  try {
    const contents = await unzip(bytes, { chunkSize, maxOutputLength: MOST_UNZIPPED_BYTES });
    return { name: path, bytes: plainView(contents) };
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(path);
    throw notGzip(path, error);
  }
}

/** Rows must not be Buffers, whose `slice` makes a view where every other typed array makes a copy. */
function plainView(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function readWhole(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataError(`${path}: expected a file that can be read, found none (${reason}).`, { cause });
  }
}

/** In Node the synchronous digest is quicker than Web Crypto for large arrays, which it would copy first. */
function sha256Sync(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
