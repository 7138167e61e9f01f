/** `elbow trace` */
import { stat } from "node:fs/promises";
import { cpus } from "node:os";
import { extname } from "node:path";
import process from "node:process";
import { readMetadata } from "../codecs/safetensors.ts";
import { rowsInSteps } from "../data/sampler.ts";
import { ConfigError, FileError } from "../errors.ts";
import { expectWritable, readWhole, writeWhole } from "../files/file-node.ts";
import { expectTraceSize } from "../formats/trace-file.ts";
import { TRACE_STEPS } from "../model/config.ts";
import { serializeTrace, TRAIN_DEFAULTS, tuneEngine, trace as writeDown } from "../node.ts";
import { groupDigits } from "../report/numbers.ts";
import { dataSource, loadDefault, loadSource } from "./data.ts";
import type { WorkFlags } from "./options.ts";
import { counted, elbowVersion, print } from "./output.ts";
import { newModel } from "./train.ts";

export interface TraceFlags extends WorkFlags {
  readonly steps?: number;
  readonly withoutData?: boolean;
  readonly output: string;
}

export async function traceCommand(flags: TraceFlags): Promise<void> {
  const { output, data, dataDir } = flags;
  await expectReplaceable(output);
  tuneEngine();
  const { name, sha256, train } =
    data === undefined
      ? (await loadDefault(dataDir, {})).dataset
      : await loadSource(dataSource(data, dataDir));
  const vae = await newModel(flags, train.dim);
  const {
    steps = TRACE_STEPS,
    batchSize = TRAIN_DEFAULTS.batchSize,
    lr = TRAIN_DEFAULTS.learningRate,
  } = flags;
  const kept = flags.withoutData ? undefined : train;
  expectTraceSize(vae.config, { steps, rows: rowsInSteps(train.count, batchSize, steps) }, kept);
  const trace = await writeDown(vae, train, { steps, batchSize, learningRate: lr });
  const bytes = serializeTrace(trace, {
    data: kept,
    info: { elbow: elbowVersion(), dataset: { name, sha256 }, imageShape: train.shape },
    machine: describeMachine(),
  });
  await writeWhole(output, bytes);
  const size = `${groupDigits(Math.ceil(bytes.length / 1000))} kB`;
  print(`${output}: ${counted(trace.steps.length, "step")} of training on ${name}, ${size}`);
}

function describeMachine(): string {
  const processor = cpus()[0]?.model.replace(/\s+/g, " ").trim() || process.arch;
  return `one thread, Node ${process.versions.node}, ${processor}`;
}

/**
 * A trace takes the place of a trace and of nothing else: models have names that end like its own.
 *
 * @throws ConfigError or FileError where it would be something else, or nothing can be written there
 */
async function expectReplaceable(path: string): Promise<void> {
  await expectWritable(path);
  const there = await stat(path).catch(() => undefined);
  if (there !== undefined && !there.isFile()) return;
  if (extname(path).toLowerCase() !== ".safetensors") {
    throw new ConfigError(`-o must be a file that ends in .safetensors, not ${path}`);
  }
  if (there === undefined) return;
  const { contents } = readMetadata(await readWhole(path), path);
  if (contents !== "trace") {
    throw new FileError(`${path} is there already and is no trace; remove it or give -o another name`);
  }
}
