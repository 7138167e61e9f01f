import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { createGunzip } from "node:zlib";
import { isGzip, mostZipped, notGzip } from "../codecs/gzip.ts";
import { expectIdxSize, type IdxHeader, type IdxKind, MOST_IDX_HEADER_BYTES } from "../codecs/idx.ts";
import { DataError, FileError } from "../errors.ts";
import { readHead, readWhole } from "../files/read-node.ts";
import { dataset, expectFit, type IdxFile, type IdxPair, idxDataset } from "./assemble.ts";
import type { Dataset } from "./dataset.ts";
import { digitsSplits } from "./digits.ts";
import type { DownloadOptions } from "./download.ts";
import { readIdxHeader } from "./idx-head.ts";
import { type DownloadableName, isDownloadable, NAMED_DATASETS } from "./registry.ts";
import { defaultDataDir, downloadDataset, findDataset, type IdxPaths, idxPathsOf } from "./store-node.ts";

/** Where a dataset is read from, and the progress of its download. */
export interface LoadOptions extends Pick<DownloadOptions, "onProgress" | "signal"> {
  /** Directory of named datasets (default: `data/` of a checkout, else the user's cache directory). */
  readonly dataDir?: string | undefined;
  /** Seed of `digits`, the only generated dataset (default: 0). */
  readonly seed?: number | undefined;
}

/** zlib refuses smaller buffers. */
const LEAST_CHUNK_BYTES = 64;
/** The first bytes of a file: an IDX header, or gzip's with a name and a comment, then the start of the contents. */
const HEAD_BYTES = 0x1_0000;

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
  return readIdx(basename(directory), await idxPathsOf(directory), options.signal);
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
  return readIdx(name, paths, signal);
}

/** An IDX file whose first bytes were read. */
type Looked = IdxHeader & { readonly name: string };

/** Looks at all files, and reads them only if they fit each other. */
async function readIdx(name: string, paths: IdxPaths, signal: AbortSignal | undefined): Promise<Dataset> {
  const look = async (images: string, labels: string | undefined) => ({
    images: await lookAt(images, "images", signal),
    labels: labels === undefined ? undefined : await lookAt(labels, "labels", signal),
  });
  const [train, test] = await Promise.all([
    look(paths.trainImages, paths.trainLabels),
    look(paths.testImages, paths.testLabels),
  ]);
  expectFit(train, test);
  const read = async ({ images, labels }: typeof train): Promise<IdxPair> => {
    const wanted = labels === undefined ? [images] : [images, labels];
    const [imageFile, labelFile] = await Promise.all(wanted.map((file) => readContents(file, signal)));
    return { images: imageFile!, labels: labelFile };
  };
  const [trainPair, testPair] = await Promise.all([read(train), read(test)]);
  return idxDataset(name, trainPair, testPair, sha256Sync);
}

async function lookAt(path: string, kind: IdxKind, signal: AbortSignal | undefined): Promise<Looked> {
  const head = await readHead(path, HEAD_BYTES, { signal }).catch(asDataError);
  const contents = await unzip(path, head.bytes, MOST_IDX_HEADER_BYTES);
  return { ...readIdxHeader(path, kind, head, contents), name: path };
}

/** Reads a file that was looked at. */
async function readContents(looked: Looked, signal: AbortSignal | undefined): Promise<IdxFile> {
  const { name, end } = looked;
  const zipped = await readWhole(name, { most: mostZipped(end), signal }).catch(asDataError);
  const bytes = await unzip(name, zipped, end + 1);
  if (bytes.length > end && isGzip(zipped)) expectIdxSize(name, looked, "more");
  return { name, bytes };
}

/**
 * Decompresses gzip on a thread of the pool, as `gunzip` does. zlib's own stream with a buffer for all is three times as
 * fast as `DecompressionStream`, and loads 18 ms sooner.
 */
async function unzip(name: string, bytes: Uint8Array, most: number): Promise<Uint8Array> {
  if (!isGzip(bytes)) return bytes;
  const stream = createGunzip({ chunkSize: Math.max(most, LEAST_CHUNK_BYTES) });
  stream.end(bytes);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array<ArrayBuffer>>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= most) break;
    }
  } catch (error) {
    throw notGzip(name, error);
  }
  const { buffer, byteOffset } = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  // Rows must not be Buffers, whose `slice` is a view.
  return new Uint8Array(buffer, byteOffset, length);
}

function asDataError(error: unknown): never {
  throw error instanceof FileError ? new DataError(error.fault, { cause: error.cause }) : error;
}

/** In Node the synchronous digest is faster than Web Crypto for large arrays, which it copies. */
function sha256Sync(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
