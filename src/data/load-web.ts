import { gunzip } from "../codecs/gzip.ts";
import { expectIdxSize, type IdxKind, MOST_IDX_HEADER_BYTES } from "../codecs/idx.ts";
import { sha256 } from "../codecs/sha256.ts";
import { dataset, type IdxFile, type IdxPair, idxDataset } from "./assemble.ts";
import type { Dataset } from "./dataset.ts";
import { digitsSplits } from "./digits.ts";
import { type DownloadOptions, download } from "./download.ts";
import { readIdxHeader } from "./idx-head.ts";
import {
  type DownloadableName,
  FILE_NAMES,
  NAMED_DATASETS,
  type NamedDataset,
  type Part,
} from "./registry.ts";

/** Where a dataset is fetched from, and the progress of its download. */
export interface LoadOptions extends Pick<DownloadOptions, "onProgress" | "signal"> {
  /**
   * A directory of your own server with the dataset's four files under their usual names, such as
   * `train-images-idx3-ubyte.gz`. They are not checked. Default: the public mirrors, whose files are checked.
   */
  readonly baseUrl?: string | URL | undefined;
  /** Seed of `digits`, the only generated dataset (default: 0). */
  readonly seed?: number | undefined;
}

/**
 * Fetches MNIST (LeCun, Cortes and Burges): 60 000 training and 10 000 test images of 28 × 28.
 *
 * @throws {DataUnavailableError} when a file cannot be downloaded
 * @throws {DataError} when files are damaged or do not fit each other
 * @throws the signal's reason when it is aborted
 */
export function mnist(options: LoadOptions = {}): Promise<Dataset> {
  return fetchNamed("mnist", options);
}

/** Fetches Fashion-MNIST (Xiao, Rasul and Vollgraf 2017), of MNIST's sizes. Throws what {@link mnist} throws. */
export function fashionMnist(options: LoadOptions = {}): Promise<Dataset> {
  return fetchNamed("fashion-mnist", options);
}

/**
 * Draws the embedded digits, of MNIST's sizes, from a seed. Needs no network.
 *
 * @throws {ConfigError} when the seed is not an integer from 0 to 2⁵³ − 1
 */
export async function digits(options: Pick<LoadOptions, "seed"> = {}): Promise<Dataset> {
  const { train, test } = digitsSplits(options.seed);
  return dataset("digits", train, test, sha256);
}

async function fetchNamed(name: DownloadableName, options: LoadOptions): Promise<Dataset> {
  const entry: NamedDataset = NAMED_DATASETS[name];
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const get = async (part: Part, kind: IdxKind): Promise<IdxFile> => {
    const file = FILE_NAMES[part];
    const checksums = options.baseUrl === undefined ? entry.checksums[part] : undefined;
    const bytes = await download(file, urlsOf(file, entry, options), checksums, { ...options, signal });
    return { name: file, bytes: await contentsOf(file, kind, bytes) };
  };
  const pair = async (images: Part, labels: Part): Promise<IdxPair> => {
    const [imageFile, labelFile] = await Promise.all([get(images, "images"), get(labels, "labels")]);
    return { images: imageFile, labels: labelFile };
  };
  try {
    const [train, test] = await Promise.all([
      pair("trainImages", "trainLabels"),
      pair("testImages", "testLabels"),
    ]);
    return await idxDataset(name, train, test, sha256);
  } finally {
    // When one file fails, the others are not needed.
    stop.abort();
  }
}

/** The uncompressed contents: what their header promises, and not a byte more is decompressed than shows that it lies. */
async function contentsOf(
  file: string,
  kind: IdxKind,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const head = await gunzip(file, bytes, MOST_IDX_HEADER_BYTES);
  const header = readIdxHeader(file, kind, { bytes, size: bytes.length }, head);
  const contents = await gunzip(file, bytes, header.end + 1);
  if (contents.length > header.end) expectIdxSize(file, header, "more");
  return contents;
}

/** Mirrors that pages of other origins may read come first; the rest serve runtimes without that rule. */
function urlsOf(file: string, entry: NamedDataset, { baseUrl }: LoadOptions): string[] {
  if (baseUrl !== undefined) return [`${String(baseUrl).replace(/\/?$/, "/")}${file}`];
  return entry.mirrors.toSorted((a, b) => Number(b.cors) - Number(a.cors)).map(({ url }) => url + file);
}
