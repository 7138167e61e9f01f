/** Runs the command as a user does, as a process of its own, on small datasets that the tests make. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll } from "vitest";
import type { Split } from "../../src/data/dataset.ts";
import { drawDigits } from "../../src/data/digits.ts";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
export const MAIN = join(ROOT, "src/cli/main.ts");
/** Every file of a run on images with a two-dimensional latent space. */
export const ALL_FILES = [
  "checkpoint.safetensors",
  "config.json",
  "manifold.png",
  "metrics.jsonl",
  "model.safetensors",
  "reconstructions.png",
  "samples.png",
];

/** A hundred processes compile the same sources: each but the first takes half the time with this. */
const COMPILE_CACHE = join(tmpdir(), "elbow-test-compile-cache");

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Settings {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** Before the script: flags of Node. */
  readonly nodeFlags?: readonly string[];
}

/** A process that has been started: talk to it, then await its end. */
export interface Running {
  readonly child: ChildProcess;
  readonly end: Promise<Outcome>;
  /** Resolves when a line on stdout matches; rejects when there will be none. */
  line(pattern: RegExp): Promise<string>;
}

function environment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const { ELBOW_KERNELS, FORCE_COLOR, NODE_OPTIONS, VITEST, ...rest } = process.env;
  return { ...rest, NO_COLOR: "1", NODE_COMPILE_CACHE: COMPILE_CACHE, ...extra };
}

/** Starts any program; `elbow` below starts the command. */
export function start(program: string, args: readonly string[], { cwd, env }: Settings = {}): Running {
  const child = spawn(program, args, { cwd, env: environment(env), stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  const waiting = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    for (const look of waiting) look();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const end = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
  const line = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = stdout.split("\n").find((text) => pattern.test(text));
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
      void end.then(() => reject(new Error(`no line ${pattern} in:\n${stdout}${stderr}`)));
    });
  return { child, end, line };
}

export function startElbow(args: readonly string[], settings: Settings = {}): Running {
  return start(process.execPath, [...(settings.nodeFlags ?? []), MAIN, ...args], settings);
}

/** The command, to its end. */
export function elbow(args: readonly string[], settings: Settings = {}): Promise<Outcome> {
  return startElbow(args, settings).end;
}

/** A directory for one test file, gone after it. */
export function temporaryDirectory(): { readonly path: string; readonly at: (...names: string[]) => string } {
  const state = { path: "" };
  beforeAll(async () => {
    state.path = await mkdtemp(join(tmpdir(), "elbow-cli-"));
  });
  afterAll(() => rm(state.path, { recursive: true, force: true }));
  return {
    get path() {
      return state.path;
    },
    at: (...names) => join(state.path, ...names),
  };
}

/** An IDX file: a magic word, sizes, bytes. */
export function idx(sizes: readonly number[], values: Uint8Array, magic = 0x0800 + sizes.length): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * sizes.length));
  header.setUint32(0, magic);
  for (const [i, size] of sizes.entries()) header.setUint32(4 + 4 * i, size);
  return Buffer.concat([new Uint8Array(header.buffer), values]);
}

function files(prefix: string, { values, count, shape, labels }: Split): [string, Uint8Array][] {
  return [
    [`${prefix}-images-idx3-ubyte.gz`, gzipSync(idx([count, ...shape!], values as Uint8Array))],
    [`${prefix}-labels-idx1-ubyte.gz`, gzipSync(idx([count], labels!))],
  ];
}

/** A directory of IDX files of digits. */
export async function writeDigits(directory: string, train = 320, test = 64): Promise<string> {
  return writeSplits(directory, drawDigits(0, 0, train), drawDigits(0, train, test));
}

async function writeSplits(directory: string, train: Split, test: Split): Promise<string> {
  await mkdir(directory, { recursive: true });
  for (const [name, bytes] of [...files("train", train), ...files("t10k", test)]) {
    await writeFile(join(directory, name), bytes);
  }
  return directory;
}

const MNIST = join(ROOT, "../shared/data/mnist");
export const HAS_MNIST = existsSync(MNIST);

/** The first rows of MNIST where it is here, otherwise as many digits of our own. */
export async function writeSubset(directory: string, train: number, test: number): Promise<string> {
  if (!HAS_MNIST) return writeDigits(directory, train, test);
  const split = async (prefix: string, count: number): Promise<Split> => {
    const read = async (name: string): Promise<Uint8Array> =>
      gunzipSync(await readFile(join(MNIST, `${prefix}-${name}-ubyte.gz`)));
    const values = (await read("images-idx3")).subarray(16, 16 + count * 784);
    const labels = (await read("labels-idx1")).subarray(8, 8 + count);
    return { values, count, dim: 784, shape: [28, 28], labels };
  };
  return writeSplits(directory, await split("train", train), await split("t10k", test));
}

/** What a directory holds, sorted; undefined where there is none. */
export async function listing(directory: string): Promise<string[] | undefined> {
  return (await readdir(directory).catch(() => undefined))?.sort();
}

/** Width and height of a PNG file. */
export async function pngSize(path: string): Promise<[width: number, height: number]> {
  const bytes = await readFile(path);
  if (bytes.toString("latin1", 1, 4) !== "PNG") throw new Error(`${path} is no PNG`);
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}

/** Lines of JSON. */
export function jsonLines(text: string): Record<string, unknown>[] {
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new Error("the last line has no end");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
