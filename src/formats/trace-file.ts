/**
 * A trace as a safetensors file: the initial weights under their own names, and under `trace.` one tensor for each
 * quantity of the steps, as the table in `compare/README.md` lists them. The rows of all steps are concatenated, so a
 * smaller last batch needs no padding.
 */

import type { Elements } from "../codecs/dtypes.ts";
import { serializeSafetensors, type TensorToWrite } from "../codecs/safetensors.ts";
import type { Rows } from "../data/dataset.ts";
import { ConfigError } from "../errors.ts";
import { ADAM, type VaeConfig } from "../model/config.ts";
import { parameterCount, parameterTable } from "../model/parameters.ts";
import type { Trace, TracedStep } from "../model/training-trace.ts";
import { describeModel, expectReadable, MetadataReader, type ModelInfo } from "./metadata.ts";

/** Additions to a trace. */
export interface TraceFileOptions {
  /** The training rows: with them the file has the batches, and a reader needs no dataset. */
  readonly data?: Rows | undefined;
  /** Metadata of the model. */
  readonly info?: Omit<ModelInfo, "trained"> | undefined;
  /** The machine that the steps were timed on, in words. */
  readonly machine?: string | undefined;
}

/** The largest file; readers have it in memory several times. */
const MOST_BYTES = 2 ** 30;

/**
 * Writes a trace as the bytes of a safetensors file: weights under their names, quantities of the steps under `trace.`.
 *
 * @throws {ConfigError} when `data` does not fit the trace, a reader would refuse the metadata, or the file would be larger
 * than 1 GiB
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
  const reader = new MetadataReader(metadata, "the trace");
  expectReadable(() => [reader.config(), reader.info(), machine && reader.text("machine")]);
  const rows = Int32Array.from(steps.flatMap((step) => [...step.rows]));
  // float64 first and bytes last, so that every tensor is aligned for readers that map the file.
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
 * Checks that a trace can become a file, before the trace is made or memory for it is allocated.
 *
 * @param rows number of rows in the batches of all steps
 * @throws {ConfigError} when `serializeTrace` would
 *
 * @internal
 */
export function expectTraceSize(
  config: VaeConfig,
  { steps, rows }: { readonly steps: number; readonly rows: number },
  data: Rows | undefined,
): void {
  if (data !== undefined && data.dim !== config.inputDim) {
    throw otherData(`rows of ${config.inputDim} numbers, as in the trace`, `rows of ${data.dim}`);
  }
  const table = parameterTable(config);
  const rowBytes = 4 + 4 * config.latentDim + (data ? data.dim * data.values.BYTES_PER_ELEMENT : 0);
  const stepBytes = 4 + 8 * (3 + table.tensors.length);
  const bytes = 4 * parameterCount(table) + rows * rowBytes + steps * stepBytes;
  if (bytes <= MOST_BYTES) return;
  const found = `${Math.ceil(bytes / 2 ** 20)} MiB`;
  const remedy = `use fewer steps${data ? ", or leave out the data" : ""}`;
  throw new ConfigError({ setting: "trace", expected: `at most ${MOST_BYTES / 2 ** 20} MiB`, found, remedy });
}

function otherData(expected: string, found: string): ConfigError {
  return new ConfigError({ setting: "data", expected, found, remedy: "pass the training rows of the trace" });
}

function tensor(name: string, shape: readonly number[], data: Elements): TensorToWrite {
  return { name: `trace.${name}`, shape, data };
}

/** The quantities with one float64 per step. */
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

/** The rows of the batches, in the data's element type. */
function gather({ values, count, dim }: Rows, rows: Int32Array): Float32Array | Uint8Array {
  const Values = values instanceof Float32Array ? Float32Array : Uint8Array;
  const gathered = new Values(rows.length * dim);
  rows.forEach((row, i) => {
    if (row >= count) throw otherData(`row ${row}, as in the trace`, `only ${count} rows`);
    gathered.set(values.subarray(row * dim, (row + 1) * dim), i * dim);
  });
  return gathered;
}
