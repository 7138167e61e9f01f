/**
 * Reads hostile files one after another in a process of its own, and prints a line of JSON for each:
 * `node --expose-gc read-hostile.ts DIRECTORY KIND SEED COUNT`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { openFile } from "../../src/cli/open-model.ts";
import { readMetadata } from "../../src/codecs/safetensors.ts";
import { loadDataset } from "../../src/data/load-node.ts";
import { readHead, readWhole } from "../../src/files/read-node.ts";
import { importModel, inspectWeights } from "../../src/formats/import-model.ts";
import { RunDirectory } from "../../src/runs/run-directory-node.ts";
import { type Crafted, crafter, GOOD, idxOf, type Kind, ROWS } from "./hostile-files.ts";

/** What became of one file. */
export interface Reading {
  readonly what: string;
  /** The file's. */
  readonly bytes: number;
  /** The error's name and message, if it was refused. */
  readonly name?: string;
  readonly message?: string;
  /** Of resident memory above what there was before, in bytes. */
  readonly peak: number;
  /** Of the processor, in seconds. */
  readonly seconds: number;
}

const [directory, kind, seed, count] = process.argv.slice(2) as [string, Kind, string, string];
const run = new RunDirectory(directory);
const images = join(directory, "train-images-idx3-ubyte");
const labels = join(directory, "train-labels-idx1-ubyte");

const READERS: Readonly<Record<Kind, { readonly path: string; readonly read: () => Promise<unknown> }>> = {
  model: { path: join(directory, "m.safetensors"), read: () => openFile(join(directory, "m.safetensors")) },
  checkpoint: { path: run.file("checkpoint.safetensors"), read: () => run.readCheckpoint() },
  weights: {
    path: join(directory, "weights"),
    read: async () => {
      const path = join(directory, "weights");
      const inspect = (head: Parameters<typeof inspectWeights>[0]) =>
        inspectWeights(head, {}, path).header.end;
      return importModel(await readWhole(path, { inspect }), {}, path);
    },
  },
  trace: {
    path: join(directory, "trace"),
    read: async () => readMetadata(await readHead(join(directory, "trace")), "trace"),
  },
  config: { path: run.file("config.json"), read: () => run.readConfig() },
  metrics: { path: run.file("metrics.jsonl"), read: () => run.readMetrics(3) },
  images: { path: images, read: () => loadDataset(directory) },
  labels: { path: labels, read: () => loadDataset(directory) },
};

/** The peak since it was last set back, and what is resident now. */
function memory(): { readonly peak: number; readonly now: number } {
  const status = readFileSync("/proc/self/status", "utf8");
  const kilobytes = (key: string): number => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)![1]);
  return { peak: 1024 * kilobytes("VmHWM"), now: 1024 * kilobytes("VmRSS") };
}

async function reading({ what, bytes, size = bytes.length }: Crafted): Promise<Reading> {
  const { path, read } = READERS[kind];
  await writeFile(path, bytes);
  if (size > bytes.length) await truncate(path, size);
  globalThis.gc!();
  writeFileSync("/proc/self/clear_refs", "5"); // the peak begins anew
  const before = memory().now;
  const began = process.cpuUsage();
  const error: unknown = await read().then(
    () => undefined,
    (reason) => reason,
  );
  const { user, system } = process.cpuUsage(began);
  const taken = { peak: memory().peak - before, seconds: (user + system) / 1e6 };
  const said = error instanceof Error ? { name: error.name, message: error.message } : {};
  await rm(path);
  return { what, bytes: Math.max(size, bytes.length), ...said, ...taken };
}

await mkdir(directory, { recursive: true });
const others: Partial<Record<Kind, [string, Uint8Array][]>> = {
  images: [[join(directory, "t10k-images-idx3-ubyte"), idxOf([1, 10, 10], new Uint8Array(100))]],
  labels: [
    [join(directory, "t10k-images-idx3-ubyte"), idxOf([1, 10, 10], new Uint8Array(100))],
    [images, idxOf([ROWS, 10, 10], new Uint8Array(ROWS * 100))],
  ],
};
for (const [path, bytes] of others[kind] ?? []) await writeFile(path, bytes);
// The first is good: it loads what only reading loads.
await reading({ what: "good", bytes: GOOD[kind]() });
const good = await reading({ what: "good", bytes: GOOD[kind]() });
console.log(JSON.stringify(good));
const next = crafter(kind, Number(seed));
for (let i = 0; i < Number(count); i++) console.log(JSON.stringify(await reading(next())));
