/** `elbow trace`: the first training steps, as a file for other programs. */
import { stat } from "node:fs/promises";
import { cpus } from "node:os";
import process from "node:process";
import { readMetadata } from "../codecs/safetensors.ts";
import { rowsInSteps } from "../data/sampler.ts";
import { FileError } from "../errors.ts";
import { expectWritable } from "../files/file-node.ts";
import { readHead } from "../files/read-node.ts";
import { expectTraceSize } from "../formats/trace-file.ts";
import { checkSteps, checkTraining } from "../model/config.ts";
import { serializeTrace, tuneEngine, trace as writeDown } from "../node.ts";
import { groupDigits } from "../report/numbers.ts";
import { dataSource, loadDefault, loadSource } from "./data.ts";
import type { OutputFlags, WorkFlags } from "./options.ts";
import { counted, elbowVersion, expectOutput, print, writeOutput } from "./output.ts";
import { newModel } from "./train.ts";

export interface TraceFlags extends WorkFlags, OutputFlags {
  readonly steps?: number;
  readonly withoutData?: boolean;
}

export async function traceCommand(flags: TraceFlags): Promise<void> {
  const { output, data, dataDir } = flags;
  await expectReplaceable(flags);
  tuneEngine();
  const { name, sha256, train } =
    data === undefined
      ? (await loadDefault(dataDir, {})).dataset
      : await loadSource(dataSource(data, dataDir));
  const vae = await newModel(flags, train);
  const steps = checkSteps(flags.steps);
  const training = checkTraining(flags);
  const kept = flags.withoutData ? undefined : train;
  expectTraceSize(vae.config, { steps, rows: rowsInSteps(train.count, training.batchSize, steps) }, kept);
  const trace = await writeDown(vae, train, { steps, ...training });
  const bytes = serializeTrace(trace, {
    data: kept,
    info: { elbow: elbowVersion(), dataset: { name, sha256 } },
    machine: describeMachine(),
  });
  await writeOutput(flags, bytes);
  const size = `${groupDigits(Math.ceil(bytes.length / 1000))} kB`;
  print(`${output}: ${counted(trace.steps.length, "step")} of training on ${name}, ${size}`);
}

function describeMachine(): string {
  const processor = cpus()[0]?.model.replace(/\s+/g, " ").trim() || process.arch;
  return `one thread, Node ${process.versions.node}, ${processor}`;
}

/**
 * A trace replaces a trace and nothing else: models have the same ending.
 *
 * @throws {ConfigError} when the name has another ending
 * @throws {FileError} when there is another file, or none can be written
 */
async function expectReplaceable(flags: OutputFlags): Promise<void> {
  const path = flags.output;
  const there = await stat(path).catch(() => undefined);
  if (there !== undefined && !there.isFile()) return expectWritable(path);
  await expectOutput(flags, ".safetensors");
  if (there === undefined) return;
  const { contents } = readMetadata(await readHead(path), path);
  if (contents === "trace") return;
  throw new FileError({
    setting: path,
    expected: "no file or a trace",
    found: "another",
    remedy: "give another -o",
  });
}
