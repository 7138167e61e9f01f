/**
 * A trace as a safetensors file: the initial weights under their own names, and under `trace.` one tensor for each thing
 * that is known of every step. `compare/README.md` has the table. Rows of all steps stand one after another, so a last
 * batch that is smaller needs no padding.
 */

import type { Elements } from "../codecs/dtypes.ts";
import { serializeSafetensors, type TensorToWrite } from "../codecs/safetensors.ts";
import type { Rows } from "../data/dataset.ts";
import { ConfigError } from "../errors.ts";
import { ADAM, type VaeConfig } from "../model/config.ts";
import { parameterCount, parameterTable } from "../model/parameters.ts";
import type { Trace, TracedStep } from "../model/training-trace.ts";
import { describeModel, type ModelInfo } from "./metadata.ts";

/** What may be said of a trace beside what it holds. */
export interface TraceFileOptions {
  /** The training rows: with them the file holds its batches, and needs no dataset beside it. */
  readonly data?: Rows | undefined;
  /** What is known of the model, for the file's metadata. */
  readonly info?: Omit<ModelInfo, "trained"> | undefined;
  /** What the steps were timed on, in words. */
  readonly machine?: string | undefined;
}

/** The largest file; what reads it has it in memory several times. */
const MOST_BYTES = 2 ** 30;

/**
 * The bytes of a trace file, in safetensors: weights under their names, what is known of the steps under `trace.`.
 *
 * @throws {ConfigError} when the rows are not those of the trace, or the file would be larger than 1 GiB
 */
export function serializeTrace(trace: Trace, options: TraceFileOptions = {}): Uint8Array<ArrayBuffer> {
  const { config, training, arithmetic, initial, steps } = trace;
  const { data, info, machine } = options;
  const visited = steps.reduce((sum, step) => sum + step.rows.length, 0);
  expectTraceSize(config, { steps: steps.length, rows: visited }, data);
  const metadata = {
    ...describeModel("trace", config, { ...info, arithmetic }),
    batchSize: String(training.batchSize),
    learningRate: String(training.learningRate),
    adam: JSON.stringify(ADAM),
    steps: String(steps.length),
    ...(machine === undefined ? {} : { machine }),
  };
  const rows = Int32Array.from(steps.flatMap((step) => [...step.rows]));
  // float64 first and bytes last, so that every tensor is aligned for whoever maps the file
  return serializeSafetensors(
    [
      ...numbersOfSteps(trace),
      ...initial,
      tensor("noise", [rows.length, config.latentDim], joinNoise(steps, rows.length * config.latentDim)),
      tensor(
        "batch_sizes",
        [steps.length],
        Int32Array.from(steps, (step) => step.rows.length),
      ),
      tensor("rows", [rows.length], rows),
      ...(data === undefined ? [] : [tensor("x", [rows.length, data.dim], gather(data, rows))]),
    ],
    metadata,
  );
}

/**
 * That a trace can become a file, before it is made or anything of a size that no file should have is allocated.
 *
 * @param rows in the batches of all steps together
 * @throws {ConfigError} as `serializeTrace`
 *
 * @internal
 */
export function expectTraceSize(
  config: VaeConfig,
  { steps, rows }: { readonly steps: number; readonly rows: number },
  data: Rows | undefined,
): void {
  if (data !== undefined && data.dim !== config.inputDim) {
    throw new ConfigError(
      `the rows of the trace have ${config.inputDim} numbers, but those given have ${data.dim}`,
    );
  }
  const table = parameterTable(config);
  const rowBytes = 4 + 4 * config.latentDim + (data ? data.dim * data.values.BYTES_PER_ELEMENT : 0);
  const stepBytes = 4 + 8 * (3 + table.tensors.length);
  const bytes = 4 * parameterCount(table) + rows * rowBytes + steps * stepBytes;
  if (bytes <= MOST_BYTES) return;
  throw new ConfigError(
    `a trace must be at most ${MOST_BYTES / 2 ** 20} MiB, but this one would be ${Math.ceil(bytes / 2 ** 20)} MiB; ` +
      `use fewer steps${data ? ", or leave the rows themselves out" : ""}`,
  );
}

function tensor(name: string, shape: readonly number[], data: Elements): TensorToWrite {
  return { name: `trace.${name}`, shape, data };
}

/** What is one float64 a step. */
function numbersOfSteps({ initial, steps }: Trace): TensorToWrite[] {
  const numbers = (name: string, of: (step: TracedStep) => number): TensorToWrite =>
    tensor(name, [steps.length], Float64Array.from(steps, of));
  return [
    numbers("reconstruction", (step) => step.reconstruction),
    numbers("kl", (step) => step.kl),
    numbers("seconds", (step) => step.seconds),
    ...initial.map(({ name }, i) => numbers(`gradient_norm.${name}`, (step) => step.gradientNorms[i]!)),
  ];
}

function joinNoise(steps: readonly TracedStep[], length: number): Float32Array {
  const joined = new Float32Array(length);
  let at = 0;
  for (const { noise } of steps) {
    joined.set(noise, at);
    at += noise.length;
  }
  return joined;
}

/** The batches' rows, in the element type that the data have. */
function gather({ values, count, dim }: Rows, rows: Int32Array): Float32Array | Uint8Array {
  const Values = values instanceof Float32Array ? Float32Array : Uint8Array;
  const gathered = new Values(rows.length * dim);
  rows.forEach((row, i) => {
    if (row >= count) throw new ConfigError(`the trace visits row ${row}, but only ${count} rows were given`);
    gathered.set(values.subarray(row * dim, (row + 1) * dim), i * dim);
  });
  return gathered;
}
