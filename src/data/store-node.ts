import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import envPaths from "env-paths";
import { DataError } from "../errors.ts";
import { writeWhole } from "../files/file-node.ts";
import { type DownloadOptions, download } from "./download.ts";
import {
  type DownloadableName,
  FILE_NAMES,
  isDownloadable,
  NAMED_DATASETS,
  type NamedDataset,
  PARTS,
  type Part,
} from "./registry.ts";

/** Paths of a dataset's files. Labels may be missing. */
export interface IdxPaths {
  readonly trainImages: string;
  readonly trainLabels?: string;
  readonly testImages: string;
  readonly testLabels?: string;
}

type FoundPaths = Partial<Record<Part, string>>;

/** MNIST's file names, also with a dot for the last hyphen or `test` for `t10k`; compressed or not. */
const IDX_FILE_NAME = /^(train|t10k|test)-(images|labels)[-.]idx\d-ubyte(\.gz)?$/;

/**
 * The default directory of datasets: `data/` in a checkout of the repository, the user's cache directory for an
 * installed package.
 */
export function defaultDataDir(): string {
  const root = packageRoot(dirname(fileURLToPath(import.meta.url)));
  const isCheckout =
    root !== undefined && !root.split(sep).includes("node_modules") && existsSync(join(root, ".git"));
  return isCheckout ? join(root, "data") : envPaths("elbow", { suffix: "" }).cache;
}

/**
 * Finds the IDX files of a directory.
 * @throws {DataError} when it cannot be read, has no IDX files, or lacks the images of a split
 */
export async function idxPathsOf(directory: string): Promise<IdxPaths> {
  const found = await scan(directory);
  const fault = (expected: string, what: string, remedy: string): DataError =>
    new DataError({ setting: directory, expected, found: what, remedy });
  if (found === undefined) throw fault("a directory of IDX files", "none", "check the path");
  const names = Object.values(found).map((path) => basename(path));
  if (names.length === 0) {
    const usual = "IDX files (train-images-idx3-ubyte, t10k-images-idx3-ubyte, with or without .gz)";
    throw fault(usual, "none", "rename the files or choose another directory");
  }
  if (isComplete(found)) return found;
  const missing = found.trainImages === undefined ? "train-images-idx3-ubyte" : "t10k-images-idx3-ubyte";
  throw fault(`${missing} (or ${missing}.gz)`, `only ${names.join(", ")}`, "add that file");
}

/**
 * Finds the files of a named dataset in `<dataDir>/<name>/`, or in `dataDir` itself. They are not checked: checksums
 * are for downloads only, so they may be a subset of the dataset.
 * @returns undefined when the images of a split are missing
 */
export async function findDataset(
  name: DownloadableName,
  dataDir = defaultDataDir(),
): Promise<IdxPaths | undefined> {
  const nested = await scan(join(dataDir, name));
  if (nested !== undefined && isComplete(nested)) return nested;
  // `--data fashion-mnist --data-dir somewhere/mnist` must not train on MNIST.
  const ownName = basename(dataDir);
  if (isDownloadable(ownName) && ownName !== name) return undefined;
  const direct = await scan(dataDir);
  return direct !== undefined && isComplete(direct) ? direct : undefined;
}

/**
 * Downloads the missing files of a named dataset into `<dataDir>/<name>/`, in parallel. Each is checked, then written
 * atomically.
 * @throws {DataUnavailableError} when no mirror serves a file intact
 * @throws {FileError} when a file cannot be written
 */
export async function downloadDataset(
  name: DownloadableName,
  dataDir = defaultDataDir(),
  options: DownloadOptions = {},
): Promise<IdxPaths> {
  return downloadTo(join(dataDir, name), NAMED_DATASETS[name], options);
}

/** `downloadDataset` with another directory and registry entry, for tests. */
export async function downloadTo(
  directory: string,
  { mirrors, checksums }: NamedDataset,
  options: DownloadOptions = {},
): Promise<IdxPaths> {
  const present = (await scan(directory)) ?? {};
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const fetchPart = async (part: Part): Promise<void> => {
    if (present[part] !== undefined) return;
    const file = FILE_NAMES[part];
    const urls = mirrors.map((mirror) => mirror.url + file);
    const bytes = await download(file, urls, checksums[part], { ...options, signal });
    const path = join(directory, file);
    await writeWhole(path, bytes, { parents: true });
    present[part] = path;
  };
  const work = PARTS.map((part) => fetchPart(part));
  try {
    await Promise.all(work);
  } catch (error) {
    // The first failure is thrown. The other downloads end, and write nothing after this function has returned.
    stop.abort();
    await Promise.allSettled(work);
    throw error;
  }
  return idxPathsOf(directory);
}

/** The IDX files of a directory by their parts; undefined when there is no such directory. */
async function scan(directory: string): Promise<FoundPaths | undefined> {
  const names = await list(directory);
  if (names === undefined) return undefined;
  const found: FoundPaths = {};
  for (const name of names.toSorted()) {
    const match = IDX_FILE_NAME.exec(name);
    if (match === null) continue;
    const part = partOf(match[1]!, match[2]!);
    // Sorted, `x` comes before `x.gz`, so uncompressed files are preferred.
    found[part] ??= join(directory, name);
  }
  return found;
}

async function list(directory: string): Promise<string[] | undefined> {
  try {
    return await readdir(directory);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    const fault = { setting: directory, expected: "a readable directory", found: String(code ?? cause) };
    throw new DataError({ ...fault, remedy: "check its permissions" }, { cause });
  }
}

function partOf(split: string, kind: string): Part {
  if (split === "train") return kind === "images" ? "trainImages" : "trainLabels";
  return kind === "images" ? "testImages" : "testLabels";
}

function isComplete(found: FoundPaths): found is FoundPaths & IdxPaths {
  return found.trainImages !== undefined && found.testImages !== undefined;
}

/** Finds package.json upward, because source, built and bundled files lie at different depths. */
function packageRoot(from: string): string | undefined {
  for (let directory = from; ; directory = dirname(directory)) {
    const manifest = join(directory, "package.json");
    if (existsSync(manifest) && /"name":\s*"elbow-vae"/.test(readFileSync(manifest, "utf8")))
      return directory;
    if (dirname(directory) === directory) return undefined;
  }
}
