/** Loads datasets by name or path, and shows the progress of downloads. */
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
/** Needs no network. */
const FALLBACK = "digits";

export interface LoadSettings {
  readonly signal?: AbortSignal | undefined;
  readonly quiet?: boolean | undefined;
}

/** The source that `--data` and `--data-dir` name, with absolute paths. */
export function dataSource(data: string, directory: string | undefined): DataSource {
  const named = data === FALLBACK || isDownloadable(data);
  return {
    source: named ? data : resolve(data),
    directory: directory !== undefined && isDownloadable(data) ? resolve(directory) : undefined,
  };
}

/** The same source, with `dataDir` as the directory of named datasets if given. */
export function elsewhere({ source, directory }: DataSource, dataDir: string | undefined): DataSource {
  return dataDir === undefined ? { source, directory } : dataSource(source, dataDir);
}

/** Loads a dataset. A download shows its progress on stderr. */
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

/** MNIST or, where it is not here and cannot be downloaded, the embedded digits. */
export async function loadDefault(
  directory: string | undefined,
  settings: LoadSettings,
): Promise<{ source: DataSource; dataset: Dataset }> {
  const source = dataSource(DEFAULT_DATASET, directory);
  try {
    return { source, dataset: await loadSource(source, settings) };
  } catch (error) {
    if (!(error instanceof DataUnavailableError)) throw error;
    // Printed even with --quiet, because the run uses a different dataset.
    note("MNIST is not on this machine and cannot be downloaded, so this run uses the embedded digits.");
    const fallback = dataSource(FALLBACK, undefined);
    return { source: fallback, dataset: await loadSource(fallback, settings) };
  }
}

/** A bar on a terminal, otherwise one line; nothing without a download. */
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
