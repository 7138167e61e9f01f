/** `elbow train`: a run, new or resumed. */
import process from "node:process";
import { quoteIfNeeded, shellWord } from "../codecs/quote.ts";
import type { Dataset, Split } from "../data/dataset.ts";
import { newMark } from "../files/mark.ts";
import { checkEpochs, checkTraining, MODEL_SETTINGS } from "../model/config.ts";
import { parameterCount } from "../model/parameters.ts";
import { pickSettings } from "../model/settings.ts";
import { Trainer, tuneEngine, Vae } from "../node.ts";
import { claim, claimEarlier, claimNew, type LockWait } from "../runs/claim-node.ts";
import { type EarlierRun, expectSameData } from "../runs/resume.ts";
import type { DataSource, RunConfig } from "../runs/run-config.ts";
import type { RunWriter } from "../runs/run-writer-node.ts";
import { platform } from "../wasm/platform.ts";
import { dataSource, elsewhere, loadDefault, loadSource } from "./data.ts";
import { EXIT, exitCodeOf, explain, InterruptedError } from "./fail.ts";
import { catchInterrupts } from "./interrupt.ts";
import { chooseNarrator, type Narrator } from "./narrate.ts";
import type { TrainFlags, WorkFlags } from "./options.ts";
import { commandName, elbowVersion, print, printJson } from "./output.ts";
import { isComplete, openResumed } from "./resume.ts";
import { type Prepared, runEpochs } from "./run-epochs.ts";

/** In reconstructions.png. */
const SHOWN_ROWS = 32;

/** One call of the command. */
interface Call {
  readonly flags: TrainFlags;
  readonly narrator: Narrator;
  readonly signal: AbortSignal;
  /** By performance.now(). */
  readonly began: number;
  /** Of a new run. */
  readonly id: string;
}

/** @returns the exit code */
export async function trainCommand(flags: TrainFlags): Promise<number> {
  const began = performance.now();
  const narrator = chooseNarrator(flags);
  const interrupts = catchInterrupts();
  try {
    return await train({ flags, narrator, signal: interrupts.signal, began, id: newMark() });
  } catch (error) {
    narrator.close();
    const cause = error === interrupts.signal.reason ? nothingToSave() : error;
    if (flags.json) printJson({ event: "error", exitCode: exitCodeOf(cause), message: explain(cause, "") });
    throw cause;
  } finally {
    interrupts.release();
  }
}

async function train(call: Call): Promise<number> {
  tuneEngine(); // before any kernel is compiled
  platform().asked(); // throws for a wrong ELBOW_KERNELS before anything is loaded
  let writer = await claimGiven(call);
  try {
    const earlier = writer && (await openResumed(call.flags, writer, call.narrator));
    if (earlier && isComplete(earlier)) return sayComplete(earlier, call.flags);
    const prepared = await prepare(call, earlier);
    try {
      if (call.signal.aborted) throw nothingToSave();
      writer ??= await claimNew(prepared.config.data.name, call.id, new Date());
      await writer.begin(prepared.config);
      return await runIn(writer, call, prepared, earlier);
    } finally {
      prepared.trainer.dispose();
    }
  } finally {
    await writer?.close();
  }
}

async function runIn(
  writer: RunWriter,
  { flags, narrator, signal, began }: Call,
  prepared: Prepared,
  earlier: EarlierRun | undefined,
): Promise<number> {
  const { config, vae, trainer } = prepared;
  const savedAt = earlier?.checkpoint?.state;
  narrator.start({
    directory: writer.directory.path,
    config,
    parameters: parameterCount(vae.table),
    workers: trainer.workers,
    tile: trainer.tile,
    epoch: trainer.epoch,
    step: savedAt?.step ?? 0,
  });
  const run = { ...prepared, writer, metrics: earlier?.metrics ?? [], savedAt, narrator, signal };
  const { interrupted, ...end } = await runEpochs({ ...run, saveEvery: flags.saveEvery });
  narrator.close();
  const summary = { ...end, seconds: (performance.now() - began) / 1000 };
  if (interrupted) narrator.interrupted(summary);
  else narrator.done(summary);
  return interrupted ? EXIT.interrupted : EXIT.ok;
}

/** Takes the directory that the command line names, before anything is loaded; a default one is named after the data. */
async function claimGiven({ flags, narrator, signal, id }: Call): Promise<RunWriter | undefined> {
  const { out, overwrite = false, resume } = flags;
  const onWatch: LockWait["onWatch"] = ({ host }, seconds) => {
    const whose = host === "" ? "" : ` of a process on ${quoteIfNeeded(host)}`;
    const watching = `watching for ${seconds} s whether a run is still at work in it`;
    narrator.warn(`${resume ?? out} has a lock${whose} that nobody here can judge; ${watching}`);
  };
  if (resume !== undefined) return claimEarlier(resume, id, { signal, onWatch });
  return out === undefined ? undefined : claim(out, id, overwrite, { signal, onWatch });
}

/** Everything before the first step, and nothing on disk. The dataset is not kept: the trainer has its own copy. */
async function prepare(
  { flags, narrator, signal, id }: Call,
  earlier: EarlierRun | undefined,
): Promise<Prepared> {
  const { source, dataset } = await loadData(flags, earlier, signal);
  if (earlier !== undefined) expectSameData(earlier, dataset);
  const vae = await (earlier ? resumedModel(earlier) : newModel(flags, dataset.train));
  const config = earlier
    ? { ...earlier.config, id: earlier.config.id ?? id, data: { ...earlier.config.data, ...source } }
    : newConfig(flags, id, source, dataset, vae);
  const trainer = await Trainer.create(vae, dataset.train, {
    ...config.training,
    test: dataset.test,
    workers: flags.workers,
    resume: earlier?.checkpoint?.state,
    onProgress: (progress) => narrator.progress(progress),
  });
  const shown = dataset.test.values.slice(0, Math.min(SHOWN_ROWS, dataset.test.count) * dataset.test.dim);
  discard(dataset.train);
  return { vae, trainer, config, shown };
}

async function loadData(
  { data, dataDir, quiet }: TrainFlags,
  earlier: EarlierRun | undefined,
  signal: AbortSignal,
): Promise<{ source: DataSource; dataset: Dataset }> {
  const settings = { signal, quiet };
  if (data === undefined && earlier === undefined) return loadDefault(dataDir, settings);
  const source = data === undefined ? elsewhere(earlier!.config.data, dataDir) : dataSource(data, dataDir);
  return { source, dataset: await loadSource(source, settings) };
}

/** A resumed run keeps its arithmetic on every machine. */
function resumedModel({ config: { model, arithmetic } }: EarlierRun): Promise<Vae> {
  return Vae.create(model, { arithmetic });
}

/** A model for rows of this shape, with the given settings and otherwise the defaults. */
export function newModel(flags: WorkFlags, { shape, dim }: Split): Promise<Vae> {
  const inputShape = shape === undefined ? [dim] : [...shape, 1];
  return Vae.create({ ...pickSettings(MODEL_SETTINGS, flags), inputShape });
}

function newConfig(flags: TrainFlags, id: string, source: DataSource, dataset: Dataset, vae: Vae): RunConfig {
  const { name, sha256, train, test } = dataset;
  return {
    id,
    data: { ...source, name, sha256, train: train.count, test: test.count },
    model: vae.config,
    training: checkTraining(flags),
    epochs: checkEpochs(flags.epochs),
    arithmetic: vae.arithmetic,
    versions: { elbow: elbowVersion(), node: process.versions.node, v8: process.versions.v8 },
  };
}

/** Frees MNIST's 47 MB of training rows at once instead of at the next garbage collection. */
function discard({ values: { buffer } }: Split): void {
  // Small arrays may share their buffer with others; Node 20 has no transfer.
  if (buffer instanceof ArrayBuffer && buffer.byteLength > 2 ** 20) buffer.transfer?.(0);
}

function sayComplete({ directory, checkpoint, config }: EarlierRun, { json, quiet }: TrainFlags): number {
  const epoch = checkpoint?.state.epoch ?? 0;
  if (json) printJson({ event: "done", directory: directory.path, epoch, seconds: 0, files: [] });
  else if (!quiet) {
    const more = `${commandName()} train --resume ${shellWord(directory.path)} --epochs ${2 * epoch}`;
    print(`${directory.path} is complete: ${epoch} of ${config.epochs} epochs are done. To train further:`);
    print(`  ${more}`);
  }
  return EXIT.ok;
}

function nothingToSave(): InterruptedError {
  return new InterruptedError({ setting: "the run", expected: "its first step", found: "an interruption" });
}
