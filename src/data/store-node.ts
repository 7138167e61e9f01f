import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import envPaths from "env-paths";
import writeFileAtomic from "write-file-atomic";
import { DataError, FileError } from "../errors.ts";
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

/** As MNIST names its files, or with a dot for the last hyphen, or `test` for `t10k`; compressed or not. */
const IDX_FILE_NAME = /^(train|t10k|test)-(images|labels)[-.]idx\d-ubyte(\.gz)?$/;

/**
 * Where datasets are kept unless the caller says otherwise: `data/` in a checkout of the repository, the user's cache
 * directory where the package is installed.
 */
export function defaultDataDir(): string {
  const root = packageRoot(dirname(fileURLToPath(import.meta.url)));
  const isCheckout =
    root !== undefined && !root.split(sep).includes("node_modules") && existsSync(join(root, ".git"));
  return isCheckout ? join(root, "data") : envPaths("elbow", { suffix: "" }).cache;
}

/**
 * The files of a directory that is given as a dataset.
 * @throws DataError where it cannot be read, holds no IDX files, or lacks the images of a split
 */
export async function idxPathsOf(directory: string): Promise<IdxPaths> {
  const found = await scan(directory);
  if (found === undefined)
    throw new DataError(`${directory}: expected a directory of IDX files, found none.`);
  if (Object.keys(found).length === 0) {
    throw new DataError(
      `${directory}: expected IDX files (train-images-idx3-ubyte, t10k-images-idx3-ubyte, each perhaps .gz), found none.`,
    );
  }
  if (isComplete(found)) return found;
  const missing = found.trainImages === undefined ? "train-images-idx3-ubyte" : "t10k-images-idx3-ubyte";
  const names = Object.values(found).map((path) => basename(path));
  throw new DataError(
    `${directory}: expected ${missing} (or ${missing}.gz), found only ${names.join(", ")}.`,
  );
}

/**
 * Where a named dataset already is: in `<dataDir>/<name>/`, or in `dataDir` itself where that is a directory of IDX
 * files. These files are taken as they are; checksums guard downloads only, so a subset may stand there.
 * @returns undefined where the images are not all there
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
 * Downloads the files of a named dataset that are missing into `<dataDir>/<name>/`, side by side. Each appears whole and
 * checked, or not at all.
 * @throws DataUnavailableError where a file came from no mirror
 * @throws FileError where a file cannot be written
 */
export async function downloadDataset(
  name: DownloadableName,
  dataDir = defaultDataDir(),
  options: DownloadOptions = {},
): Promise<IdxPaths> {
  return downloadTo(join(dataDir, name), NAMED_DATASETS[name], options);
}

/** `downloadDataset` with the directory and the table's entry given, as tests need it. */
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
    present[part] = await store(join(directory, file), bytes);
  };
  const work = PARTS.map((part) => fetchPart(part));
  try {
    await Promise.all(work);
  } catch (error) {
    // The first failure decides; the other files need not arrive, but must not be written after we have returned.
    stop.abort();
    await Promise.allSettled(work);
    throw error;
  }
  return idxPathsOf(directory);
}

async function store(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return path;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FileError(`${path} cannot be written (${reason}); choose another directory for data.`, {
      cause,
    });
  }
}

/** The IDX files of a directory by their parts; undefined where there is no such directory. */
async function scan(directory: string): Promise<FoundPaths | undefined> {
  const names = await list(directory);
  if (names === undefined) return undefined;
  const found: FoundPaths = {};
  for (const name of names.toSorted()) {
    const match = IDX_FILE_NAME.exec(name);
    if (match === null) continue;
    const part = partOf(match[1]!, match[2]!);
    // Sorted, `x` comes before `x.gz`: the first is the one that needs no unpacking.
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
    const found = String(code ?? cause);
    throw new DataError(`${directory}: expected a directory that can be read, found ${found}.`, { cause });
  }
}

function partOf(split: string, kind: string): Part {
  if (split === "train") return kind === "images" ? "trainImages" : "trainLabels";
  return kind === "images" ? "testImages" : "testLabels";
}

function isComplete(found: FoundPaths): found is FoundPaths & IdxPaths {
  return found.trainImages !== undefined && found.testImages !== undefined;
}

/** Source and built files lie at different depths, and a bundle at yet another: so by its package.json. */
function packageRoot(from: string): string | undefined {
  for (let directory = from; ; directory = dirname(directory)) {
    const manifest = join(directory, "package.json");
    if (existsSync(manifest) && /"name":\s*"elbow-vae"/.test(readFileSync(manifest, "utf8")))
      return directory;
    if (dirname(directory) === directory) return undefined;
  }
}
