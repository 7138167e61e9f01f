/** A run directory and its files, for whoever reads them; run-writer-node.ts writes them. */
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { FileError, FormatError } from "../errors.ts";
import { readWhole } from "../files/read-node.ts";
import { type Checkpoint, inspectCheckpoint, parseCheckpoint } from "../formats/checkpoint.ts";
import type { EpochMetrics } from "../train/metrics.ts";
import { parseMetrics } from "./metrics.ts";
import { parseRunConfig, type RunConfig } from "./run-config.ts";

export const RUN_FILES = {
  config: "config.json",
  metrics: "metrics.jsonl",
  model: "model.safetensors",
  checkpoint: "checkpoint.safetensors",
  /** The one before, while the run is under way. */
  previous: "checkpoint.previous.safetensors",
  samples: "samples.png",
  reconstructions: "reconstructions.png",
  manifold: "manifold.png",
} as const;

/** Written for all data. */
export const CORE_FILES = [RUN_FILES.model, RUN_FILES.checkpoint, RUN_FILES.metrics] as const;

const NAMES: readonly string[] = Object.values(RUN_FILES);

/** Only the names that a run gives its files: what else is in its directory is somebody else's. */
export function isRunFile(name: string): boolean {
  return NAMES.includes(name);
}

export class RunDirectory {
  /** As the user gave it. */
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  hasConfig(): Promise<boolean> {
    return exists(this.file(RUN_FILES.config));
  }

  async readConfig(): Promise<RunConfig> {
    const path = this.file(RUN_FILES.config);
    if (await exists(path)) return parseRunConfig(await readText(path), path);
    throw new FileError({
      setting: this.path,
      expected: `a run directory with ${RUN_FILES.config}`,
      found: "none",
    });
  }

  /**
   * The newest checkpoint that can be read; undefined if the run was stopped before its first.
   *
   * @param onFault called with what is wrong with the newest, where the one before it is taken
   * @throws {FormatError} when none can be read
   */
  async readCheckpoint(onFault: (error: FormatError) => void = () => {}): Promise<Checkpoint | undefined> {
    const [newest, previous] = [this.file(RUN_FILES.checkpoint), this.file(RUN_FILES.previous)];
    const hasPrevious = await exists(previous);
    // killed between the two renames of a save, which had its new file ready
    if (!(await exists(newest))) return hasPrevious ? readCheckpointFile(previous) : undefined;
    try {
      return await readCheckpointFile(newest);
    } catch (error) {
      if (!hasPrevious || !(error instanceof FormatError)) throw error;
      const checkpoint = await readCheckpointFile(previous).catch(() => {
        throw error;
      });
      onFault(error);
      return checkpoint;
    }
  }

  /** The metrics up to an epoch; later lines have no checkpoint. */
  async readMetrics(epochs: number): Promise<EpochMetrics[]> {
    const path = this.file(RUN_FILES.metrics);
    if (!(await exists(path))) return [];
    // Of a run, a line is a quarter of that; the last epoch may be newer than the checkpoint.
    const most = Math.min(2 ** 16 + epochs * 2 ** 10, 2 ** 28);
    return parseMetrics(await readText(path, most), path).filter(({ epoch }) => epoch <= epochs);
  }
}

async function readCheckpointFile(path: string): Promise<Checkpoint> {
  const bytes = await readWhole(path, { inspect: (head) => inspectCheckpoint(head, path).header.end });
  return parseCheckpoint(bytes, path);
}

/** The names in a directory; undefined if there is none. */
export async function namesIn(path: string): Promise<string[] | undefined> {
  try {
    return await readdir(resolve(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** @param most bytes; config.json has some thousand at most */
async function readText(path: string, most = 2 ** 16): Promise<string> {
  return new TextDecoder().decode(await readWhole(path, { most }));
}
