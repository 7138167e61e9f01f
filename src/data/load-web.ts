import { gunzip } from "../codecs/gzip.ts";
import { sha256 } from "../codecs/sha256.ts";
import { dataset, type IdxFile, type IdxPair, idxDataset } from "./assemble.ts";
import type { Dataset } from "./dataset.ts";
import { digitsSplits } from "./digits.ts";
import { type DownloadOptions, download } from "./download.ts";
import {
  type DownloadableName,
  FILE_NAMES,
  NAMED_DATASETS,
  type NamedDataset,
  type Part,
} from "./registry.ts";

/** Where a dataset comes from, and who hears of its way. */
export interface LoadOptions extends Pick<DownloadOptions, "onProgress" | "signal"> {
  /**
   * A directory of your own server that holds the dataset's four files under their usual names, such as
   * `train-images-idx3-ubyte.gz`. What it serves is taken as it is. Without it the public mirrors are asked, and what they
   * serve is checked.
   */
  readonly baseUrl?: string | URL | undefined;
  /** Of `digits`, the only dataset that is made, not fetched; 0 if left out. */
  readonly seed?: number | undefined;
}

/**
 * MNIST (LeCun, Cortes and Burges): 60 000 training and 10 000 test images of 28 × 28.
 *
 * @throws {DataUnavailableError} where a file comes from nowhere
 * @throws {DataError} where files are damaged or do not fit each other
 * @throws the signal's reason, when it is aborted
 */
export function mnist(options: LoadOptions = {}): Promise<Dataset> {
  return fetchNamed("mnist", options);
}

/** Fashion-MNIST (Xiao, Rasul and Vollgraf 2017), of MNIST's sizes. Throws what {@link mnist} throws. */
export function fashionMnist(options: LoadOptions = {}): Promise<Dataset> {
  return fetchNamed("fashion-mnist", options);
}

/**
 * The embedded digits, of MNIST's sizes, drawn from a seed: needs no network.
 *
 * @throws {ConfigError} where the seed is not an integer from 0 to 2⁵³ − 1
 */
export async function digits(options: Pick<LoadOptions, "seed"> = {}): Promise<Dataset> {
  const { train, test } = digitsSplits(options.seed);
  return dataset("digits", train, test, sha256);
}

async function fetchNamed(name: DownloadableName, options: LoadOptions): Promise<Dataset> {
  const entry: NamedDataset = NAMED_DATASETS[name];
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const get = async (part: Part): Promise<IdxFile> => {
    const file = FILE_NAMES[part];
    const checksums = options.baseUrl === undefined ? entry.checksums[part] : undefined;
    const bytes = await download(file, urlsOf(file, entry, options), checksums, { ...options, signal });
    return { name: file, bytes: await gunzip(file, bytes) };
  };
  const pair = async (images: Part, labels: Part): Promise<IdxPair> => {
    const [imageFile, labelFile] = await Promise.all([get(images), get(labels)]);
    return { images: imageFile, labels: labelFile };
  };
  try {
    const [train, test] = await Promise.all([
      pair("trainImages", "trainLabels"),
      pair("testImages", "testLabels"),
    ]);
    return await idxDataset(name, train, test, sha256);
  } finally {
    // Where one file fails, the others need not arrive.
    stop.abort();
  }
}

/** Mirrors that let other origins read come first; the rest may still serve runtimes that have no such rule. */
function urlsOf(file: string, entry: NamedDataset, { baseUrl }: LoadOptions): string[] {
  if (baseUrl !== undefined) return [`${String(baseUrl).replace(/\/?$/, "/")}${file}`];
  return entry.mirrors.toSorted((a, b) => Number(b.cors) - Number(a.cors)).map(({ url }) => url + file);
}
