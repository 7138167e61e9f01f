import type { Rows } from "../data/dataset.ts";
import { epochOrder, stepsPerEpoch } from "../data/sampler.ts";
import { ConfigError, DivergedError } from "../errors.ts";
import { checkTraining, type TrainingConfig, type VaeConfig } from "../model/config.ts";
import { expectTensors, type NamedTensor, packTensors, unpackTensors } from "../model/parameters.ts";
import type { TrainingState } from "../model/training-state.ts";
import type { Vae } from "../model/vae.ts";
import { allocateShared, growTo, type Plan } from "../wasm/arena.ts";
import { instantiate } from "../wasm/kernels.ts";
import { platform } from "../wasm/platform.ts";
import type { TileName } from "../wasm/tiles.ts";
import { type Control, controlViews, SUM, WORD } from "./control.ts";
import { type Crew, InlineCrew, planCrew } from "./crew.ts";
import type { EpochMetrics } from "./metrics.ts";
import { Program } from "./program.ts";
import { dataShape, measureDensities, planSession, type Session, withLists } from "./session.ts";

/** How far an epoch has come. */
export interface Progress {
  /** From 1. */
  readonly epoch: number;
  /** Steps of the epoch that are done. */
  readonly step: number;
  /** Steps that the epoch has. */
  readonly steps: number;
  /** The mean loss of the epoch so far, in nats per row. */
  readonly loss: number;
}

/** How a `Trainer` trains; what is left out is TRAIN_DEFAULTS'. */
export interface TrainerOptions extends Partial<TrainingConfig> {
  /** Rows to evaluate after every epoch. */
  readonly test?: Rows | undefined;
  /**
   * How many workers; it changes the time and nothing else. Where nothing is said: all cores, or this thread alone
   * where there can be no workers, as in a page that is not cross-origin isolated and for a model of Vae.fromModule.
   */
  readonly workers?: number | undefined;
  /** Where to go on from; the model takes the state's parameters over. */
  readonly resume?: TrainingState | undefined;
  /** Called about ten times a second while an epoch is being trained, and at its end. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

const PROGRESS_INTERVAL_MS = 100;
/** About 100 µs of looking at the barrier before a worker sleeps: longer than the others are ever behind. */
const SPINS = 20_000;
/** With more workers than cores, spinning only keeps the others from running. */
const SPINS_WHEN_CROWDED = 50;

/**
 * Trains one model on one dataset, epoch by epoch, on workers over one shared memory. `train` is the short way; this is
 * for who wants to save and resume, or to do something else between epochs. Call `dispose` at the end.
 */
export class Trainer {
  /** Whole epochs that are done. */
  epoch: number;
  /** How many workers there are; 1 may be this thread. */
  readonly workers: number;
  /** How the kernels go about a product. */
  readonly tile: TileName;
  /** What stands where in the run's memory. */
  readonly plan: Plan<string>;
  readonly #vae: Vae;
  readonly #session: Session;
  readonly #memory: WebAssembly.Memory;
  readonly #control: Control;
  readonly #crew: Crew;
  readonly #onProgress: ((progress: Progress) => void) | undefined;
  /** Steps of the current epoch that are done, and the seconds they took. */
  #step: number;
  #seconds: number;

  private constructor(
    vae: Vae,
    session: Session,
    plan: Plan<string>,
    memory: WebAssembly.Memory,
    crew: Crew,
    { resume, onProgress }: TrainerOptions,
  ) {
    this.#vae = vae;
    this.#session = session;
    this.plan = plan;
    this.workers = session.size;
    this.tile = session.tile;
    this.#memory = memory;
    this.#control = controlViews(memory, plan.at.control);
    this.#crew = crew;
    this.#onProgress = onProgress;
    this.epoch = resume?.epoch ?? 0;
    this.#step = resume?.step ?? 0;
    this.#seconds = resume?.seconds ?? 0;
    this.#control.sums[SUM.reconstruction] = resume?.reconstructionSum ?? 0;
    this.#control.sums[SUM.kl] = resume?.klSum ?? 0;
  }

  /**
   * Plans and fills the memory and starts the workers.
   *
   * @throws {ConfigError} when a setting is not allowed, or the rows or the state to resume do not fit the model
   * @throws {MemoryLimitError} when it does not fit a WebAssembly memory; nothing has been allocated then
   */
  static async create(vae: Vae, data: Rows, options: TrainerOptions = {}): Promise<Trainer> {
    const { size, threads } = planCrew(options.workers, vae.kernels.handedIn);
    expectRows("training", data, vae.config);
    if (options.test) expectRows("test", options.test, vae.config);
    const training = checkTraining(options);
    if (options.resume) expectState(options.resume, vae, stepsPerEpoch(data.count, training.batchSize));
    const { module, tile } = threads ? await platform().load(true, vae.arithmetic) : vae.kernels;
    const session = withLists({
      config: vae.config,
      training,
      train: dataShape(data),
      test: dataShape(options.test),
      densities: measureDensities(data, tile),
      size,
      tile,
      spins: threads && size > threads.cores() ? SPINS_WHEN_CROWDED : SPINS,
    });
    const plan = planSession(session);
    const instance = instantiate(module, threads ? allocateShared(plan) : undefined);
    if (!threads) growTo(instance.memory, plan);
    const { memory } = instance;
    fillMemory(memory, plan, vae, data, options);
    const { words } = controlViews(memory, plan.at.control);
    const over = (): boolean => words[WORD.stop] !== 0 || words[WORD.diverged] !== 0;
    const crew = threads
      ? await threads.start(session, module, memory, words)
      : new InlineCrew(new Program(session, 0, instance), over);
    return new Trainer(vae, session, plan, memory, crew, options);
  }

  /** Steps of an epoch. */
  get steps(): number {
    return stepsPerEpoch(this.#session.train.count, this.#session.training.batchSize);
  }

  /**
   * Trains to the end of the epoch and evaluates; the model then has the new parameters. When the signal is aborted, it
   * stops after the step, the model has the parameters so far, and the result is undefined.
   *
   * @throws {DivergedError} when the loss is no longer finite; the model keeps the parameters that it had
   * @throws {WorkerError} when a worker fails
   */
  async runEpoch(signal?: AbortSignal): Promise<EpochMetrics | undefined> {
    const { words, sums } = this.#control;
    this.#setOrder();
    words[WORD.step] = this.#step;
    words[WORD.stop] = 0;
    words[WORD.halted] = 0;
    const finished = await this.#train(signal);
    if (!finished) {
      this.#updateModel();
      return undefined;
    }
    const metrics = this.#metrics(await this.#evaluate());
    // what the last step has made of the parameters shows only here
    const finite = this.#parameters("parameters").every(Number.isFinite);
    if (!finite || !Number.isFinite(metrics.testLoss ?? 0)) throw this.#diverged(this.steps);
    this.#updateModel();
    this.epoch += 1;
    this.#step = 0;
    this.#seconds = 0;
    sums[SUM.reconstruction] = 0;
    sums[SUM.kl] = 0;
    return metrics;
  }

  /** Runs what is left of the epoch's steps; false when it was stopped before the last. */
  async #train(signal: AbortSignal | undefined): Promise<boolean> {
    const { words } = this.#control;
    const stop = (): void => void Atomics.store(words, WORD.stop, 1);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop);
    const timer = setInterval(() => this.#report(), PROGRESS_INTERVAL_MS);
    const start = performance.now();
    try {
      if (!signal?.aborted) {
        await this.#crew.train({ epoch: this.epoch, fromStep: this.#step, toStep: this.steps });
      }
    } finally {
      clearInterval(timer);
      signal?.removeEventListener("abort", stop);
    }
    this.#seconds += (performance.now() - start) / 1000;
    this.#step = Atomics.load(words, WORD.step);
    const diverged = Atomics.load(words, WORD.diverged);
    if (diverged > 0) throw this.#diverged(diverged);
    this.#report();
    return this.#step === this.steps;
  }

  #report(): void {
    const { words, sums } = this.#control;
    const step = Atomics.load(words, WORD.step);
    const { train, training } = this.#session;
    const rows = Math.max(1, Math.min(train.count, step * training.batchSize));
    const loss = (sums[SUM.reconstruction] + sums[SUM.kl]) / rows;
    this.#onProgress?.({ epoch: this.epoch + 1, step, steps: this.steps, loss });
  }

  #diverged(step: number): DivergedError {
    const { learningRate } = this.#session.training;
    return new DivergedError(
      `the loss stopped being a finite number at step ${step} of ${this.steps} in epoch ${this.epoch + 1}; ` +
        `try a learning rate below ${learningRate}`,
    );
  }

  /** The test rows' mean losses, summed in the order of rows. */
  async #evaluate(): Promise<{ reconstruction: number; kl: number } | undefined> {
    const { count } = this.#session.test;
    if (count === 0) return undefined;
    await this.#crew.evaluate();
    const losses = new Float64Array(this.#memory.buffer, this.plan.at["test losses"], 2 * count);
    const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / count;
    return { reconstruction: mean(losses.subarray(0, count)), kl: mean(losses.subarray(count)) };
  }

  #metrics(test: { reconstruction: number; kl: number } | undefined): EpochMetrics {
    const { sums } = this.#control;
    const { count } = this.#session.train;
    return {
      epoch: this.epoch + 1,
      trainLoss: (sums[SUM.reconstruction] + sums[SUM.kl]) / count,
      trainReconstruction: sums[SUM.reconstruction] / count,
      trainKl: sums[SUM.kl] / count,
      testLoss: test ? test.reconstruction + test.kl : null,
      testReconstruction: test?.reconstruction ?? null,
      testKl: test?.kl ?? null,
      seconds: this.#seconds,
      imagesPerSecond: count / this.#seconds,
    };
  }

  #setOrder(): void {
    const { count } = this.#session.train;
    const order = new Uint32Array(this.#memory.buffer, this.plan.at.order, count);
    order.set(epochOrder(count, this.#vae.config.seed, this.epoch));
  }

  #parameters(region: "parameters" | "m" | "v"): Float32Array {
    return parametersAt(this.#memory, this.plan, region);
  }

  #updateModel(): void {
    this.#vae.setParameters(this.#parameters("parameters"));
  }

  /** A copy of all that is needed to go on from here. */
  state(): TrainingState {
    const { sums } = this.#control;
    const copy = (region: "parameters" | "m" | "v"): NamedTensor[] =>
      unpackTensors(this.#vae.table, this.#parameters(region));
    return {
      epoch: this.epoch,
      step: this.#step,
      reconstructionSum: sums[SUM.reconstruction],
      klSum: sums[SUM.kl],
      seconds: this.#seconds,
      parameters: copy("parameters"),
      m: copy("m"),
      v: copy("v"),
    };
  }

  /** Ends the workers. */
  dispose(): void {
    this.#crew.dispose();
  }
}

/** @internal */
export function parametersAt(
  memory: WebAssembly.Memory,
  plan: Plan<string>,
  region: "parameters" | "m" | "v",
): Float32Array {
  return new Float32Array(memory.buffer, plan.at[region], plan.sizes[region] / 4);
}

/**
 * @throws {ConfigError} when the rows are none, or do not fit the model
 *
 * @internal
 */
export function expectRows(what: string, rows: Rows, { inputDim, likelihood }: VaeConfig): void {
  const { values, count, dim } = rows;
  if (!(values instanceof Float32Array || values instanceof Uint8Array)) {
    throw new ConfigError(
      `the ${what} rows must be { values, count, dim } with values a Float32Array or a Uint8Array, row-major`,
    );
  }
  if (dim !== inputDim) {
    throw new ConfigError(`the model takes rows of ${inputDim} numbers, but the ${what} rows have ${dim}`);
  }
  if (!Number.isInteger(count) || count < 1 || values.length !== count * dim) {
    throw new ConfigError(
      `count of the ${what} rows must be a whole number from 1 with count × ${dim} = ${values.length} numbers, not ${count}`,
    );
  }
  if (values instanceof Uint8Array) return;
  const least = likelihood === "bernoulli" ? 0 : -Number.MAX_VALUE;
  const most = likelihood === "bernoulli" ? 1 : Number.MAX_VALUE;
  const bad = values.findIndex((value) => !(value >= least && value <= most));
  if (bad < 0) return;
  const wanted =
    likelihood === "bernoulli" ? "numbers from 0 to 1 for a Bernoulli likelihood" : "finite numbers";
  throw new ConfigError(
    `the ${what} rows must be ${wanted}, but row ${Math.floor(bad / dim)} has ${values[bad]}`,
  );
}

function byName(tensors: readonly NamedTensor[]): ReadonlyMap<string, NamedTensor> {
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}

/** A state with more steps than an epoch has would be waited for without end. */
function expectState(state: TrainingState, { table }: Vae, steps: number): void {
  expectTensors(table, byName(state.parameters));
  for (const moment of ["m", "v"] as const) expectTensors(table, byName(state[moment]), moment);
  if (state.step > steps) {
    throw new ConfigError(
      `the state to resume has done step ${state.step} of an epoch, but here an epoch has ${steps} steps; ` +
        "go on with the rows and the batch size that it was made with",
    );
  }
}

/**
 * Everything that stands in memory before the first step.
 *
 * @internal
 */
export function fillMemory(
  memory: WebAssembly.Memory,
  plan: Plan<string>,
  vae: Vae,
  data: Rows,
  { test, resume }: TrainerOptions,
): void {
  const copyRows = (region: "data" | "test data", { values }: Rows): void => {
    const Values = values instanceof Float32Array ? Float32Array : Uint8Array;
    new Values(memory.buffer, plan.at[region], values.length).set(values);
  };
  copyRows("data", data);
  if (test) copyRows("test data", test);
  const sequence = new Uint32Array(memory.buffer, plan.at.sequence, plan.sizes.sequence / 4);
  for (let i = 0; i < sequence.length; i++) sequence[i] = i;
  new Float32Array(memory.buffer, plan.at.weights, plan.sizes.weights / 4).fill(1);
  if (resume) {
    vae.setTensors(byName(resume.parameters));
    for (const region of ["m", "v"] as const) {
      packTensors(vae.table, byName(resume[region]), parametersAt(memory, plan, region));
    }
  }
  vae.copyParameters(parametersAt(memory, plan, "parameters"));
}
