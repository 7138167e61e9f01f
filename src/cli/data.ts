/** Datasets as the command gets them: by name or path, with a word about downloads. */
import { resolve } from "node:path";
import process from "node:process";
import { SingleBar } from "cli-progress";
import type { Dataset } from "../data/dataset.ts";
import { isDownloadable } from "../data/registry.ts";
import { DataUnavailableError, loadDataset } from "../node.ts";
import type { DataSource } from "../runs/run-config.ts";
import { withAdvice } from "./fail.ts";
import { note } from "./output.ts";

export const DEFAULT_DATASET = "mnist";
/** What needs no network. */
const FALLBACK = "digits";

export interface LoadSettings {
  readonly signal?: AbortSignal | undefined;
  readonly quiet?: boolean | undefined;
}

/** What `--data` and `--data-dir` say, good from any other directory too. */
export function dataSource(data: string, directory: string | undefined): DataSource {
  const named = data === FALLBACK || isDownloadable(data);
  return {
    source: named ? data : resolve(data),
    directory: directory !== undefined && isDownloadable(data) ? resolve(directory) : undefined,
  };
}

/** The same data, with the named datasets in another directory where one is given. */
export function elsewhere({ source, directory }: DataSource, dataDir: string | undefined): DataSource {
  return dataDir === undefined ? { source, directory } : dataSource(source, dataDir);
}

/** Loads a dataset; where it is downloaded, stderr shows how far that is. */
export async function loadSource(
  { source, directory }: DataSource,
  { signal, quiet = false }: LoadSettings = {},
): Promise<Dataset> {
  const download = new DownloadProgress(source, quiet);
  try {
    return await loadDataset(source, { dataDir: directory, signal, onProgress: download.onProgress });
  } catch (error) {
    if (!(error instanceof DataUnavailableError)) throw error;
    throw withAdvice(error, "put its files into a directory and give that as --data");
  } finally {
    download.end();
  }
}

/** MNIST, or where it is neither here nor to be had, the embedded digits. */
export async function loadDefault(
  directory: string | undefined,
  settings: LoadSettings,
): Promise<{ source: DataSource; dataset: Dataset }> {
  const source = dataSource(DEFAULT_DATASET, directory);
  try {
    return { source, dataset: await loadSource(source, settings) };
  } catch (error) {
    if (!(error instanceof DataUnavailableError)) throw error;
    // Said even to who wants no words: this is other data than was meant
    note(
      "There is no MNIST on this machine and no network to get it from, so this trains on the embedded digits.",
    );
    const fallback = dataSource(FALLBACK, undefined);
    return { source: fallback, dataset: await loadSource(fallback, settings) };
  }
}

/** A bar on a terminal, one line otherwise; nothing where nothing is downloaded. */
class DownloadProgress {
  readonly #what: string;
  readonly #quiet: boolean;
  readonly #received = new Map<string, number>();
  readonly #totals = new Map<string, number>();
  #bar: SingleBar | undefined;

  constructor(what: string, quiet: boolean) {
    this.#what = what;
    this.#quiet = quiet;
  }

  readonly onProgress = (file: string, received: number, total: number | undefined): void => {
    if (this.#quiet) return;
    if (this.#received.size === 0) this.#begin();
    this.#received.set(file, received);
    if (total !== undefined) this.#totals.set(file, total);
    this.#bar?.setTotal(Math.max(sum(this.#totals), sum(this.#received)));
    this.#bar?.update(sum(this.#received), { megabytes: (sum(this.#received) / 1e6).toFixed(1) });
  };

  #begin(): void {
    if (!process.stderr.isTTY) {
      note(`Downloading ${this.#what} …`);
      return;
    }
    const format = `Downloading ${this.#what} {bar} {megabytes} MB`;
    this.#bar = new SingleBar({
      format,
      stream: process.stderr,
      barsize: 30,
      barCompleteChar: "━",
      barIncompleteChar: " ",
      clearOnComplete: true,
      gracefulExit: false,
    });
    process.once("exit", () => this.end());
    this.#bar.start(1, 0, { megabytes: "0.0" });
  }

  end(): void {
    this.#bar?.stop();
  }
}

function sum(values: ReadonlyMap<string, number>): number {
  return [...values.values()].reduce((total, value) => total + value, 0);
}
