/// <reference lib="esnext.disposable" preserve="true" />

import type { Rows } from "../data/dataset.ts";
import { epochOrder, stepsPerEpoch } from "../data/sampler.ts";
import { ConfigError, DivergedError } from "../errors.ts";
import { checkTraining } from "../model/config.ts";
import { findNotFinite } from "../model/finite.ts";
import { eachTerm, lossOf, type Terms } from "../model/objective.ts";
import { unpackTensors } from "../model/parameters.ts";
import type { TrainingState } from "../model/training-state.ts";
import type { Vae } from "../model/vae.ts";
import type { Plan } from "../wasm/arena.ts";
import { platform } from "../wasm/platform.ts";
import type { TileName } from "../wasm/tiles.ts";
import { adviceOnStart } from "./advice.ts";
import { type Control, controlViews, SUM, WORD } from "./control.ts";
import { type Crew, InlineCrew, planCrew } from "./crew.ts";
import { expectRows, expectState } from "./expect.ts";
import type { EpochMetrics } from "./metrics.ts";
import { floatsOf, type OpenSession, openEmpty, placeData } from "./open-session.ts";
import { Program } from "./program.ts";
import type { Session, SessionMemory } from "./session.ts";
import type { Progress, TrainerOptions } from "./trainer-options.ts";

/** Whoever asked for a state while an epoch is under way. */
interface Waiting {
  resolve(state: TrainingState): void;
  reject(error: unknown): void;
}

const PROGRESS_INTERVAL_MS = 100;
/** About 100 µs of looking at the barrier before a worker sleeps: longer than the others are ever behind. */
const SPINS = 20_000;
/** With more workers than cores, spinning only keeps the others from running. */
const SPINS_WHEN_CROWDED = 50;

/**
 * Trains one model on one dataset, epoch by epoch, on workers over one shared memory. `train` is the short way; this is
 * for who wants to save and resume, or to do something else between epochs. Call `dispose` at the end, or declare it by
 * `await using`. No process waits for a trainer that has nothing to do.
 */
export class Trainer {
  /** Whole epochs that are done. */
  epoch: number;
  /** How many workers there are; 1 may be this thread. */
  readonly workers: number;
  /** How the kernels go about a product. */
  readonly tile: TileName;
  /** What is where in the run's memory. */
  readonly plan: Plan;
  readonly #vae: Vae;
  readonly #session: Session;
  readonly #at: SessionMemory;
  readonly #buffer: ArrayBufferLike;
  readonly #control: Control;
  readonly #crew: Crew;
  readonly #onProgress: ((progress: Progress) => void) | undefined;
  /** Steps of the current epoch that are done, and the seconds they took. */
  #step: number;
  #seconds: number;
  /** The epoch that is under way. */
  #running: Promise<EpochMetrics | undefined> | undefined;
  #disposing = false;
  /** Callers of `snapshot` who wait for a step's boundary. */
  #waiting: Waiting[] = [];

  private constructor(vae: Vae, open: OpenSession, crew: Crew, { resume, onProgress }: TrainerOptions) {
    const { session, memory, instance } = open;
    this.#vae = vae;
    this.#session = session;
    this.plan = memory.plan;
    this.workers = session.size;
    this.tile = session.tile;
    this.#at = memory;
    this.#buffer = instance.memory.buffer;
    this.#control = controlViews(this.#buffer, memory.control.at);
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
    const { module, tile } = threads ? await platform().load(true, vae.config, vae.arithmetic) : vae.kernels;
    const spins = threads && size > threads.cores() ? SPINS_WHEN_CROWDED : SPINS;
    const shared = threads !== undefined;
    const open = openEmpty(vae, data, { ...options, training, size, spins, module, shared, tile });
    const { session, instance, memory } = open;
    const { words } = controlViews(instance.memory.buffer, memory.control.at);
    const over = (): boolean => words[WORD.stop] !== 0 || words[WORD.diverged] !== 0;
    const starting = threads
      ? threads.start(session, module, instance.memory, words)
      : new InlineCrew(new Program(session, 0, instance), over);
    placeData(open, data, options.test); // while the workers start
    return new Trainer(vae, open, await starting, options);
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
   * @throws {ConfigError} when an epoch is under way
   * @throws what `onProgress` throws, after the step; the state is whole then, and the trainer can go on from there
   */
  async runEpoch(signal?: AbortSignal): Promise<EpochMetrics | undefined> {
    this.#expectIdle();
    this.#running = this.#runEpoch(signal);
    try {
      const metrics = await this.#running;
      this.#answer((waiting) => waiting.resolve(this.#copyState()));
      return metrics;
    } catch (error) {
      this.#answer((waiting) => waiting.reject(error));
      throw error;
    } finally {
      this.#running = undefined;
    }
  }

  /**
   * A copy of all that is needed to resume, at the next step's boundary, or after the epoch where that comes first. An
   * epoch that is under way goes on after the copy.
   *
   * @throws what the epoch throws
   */
  snapshot(): Promise<TrainingState> {
    if (!this.#running) return Promise.resolve(this.#copyState());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      Atomics.store(this.#control.words, WORD.stop, 1);
    });
  }

  #answer(settle: (waiting: Waiting) => void): void {
    for (const waiting of this.#waiting.splice(0)) settle(waiting);
  }

  /** Between two steps of an epoch, parameters and moments are those of different steps. */
  #expectIdle(): void {
    if (!this.#running) return;
    throw new ConfigError({ setting: "the trainer", expected: "no epoch under way", found: "one" });
  }

  async #runEpoch(signal: AbortSignal | undefined): Promise<EpochMetrics | undefined> {
    const { words, sums } = this.#control;
    this.#setOrder();
    words[WORD.step] = this.#step;
    words[WORD.stop] = 0;
    words[WORD.halted] = 0;
    const finished = await this.#train(signal);
    if (!finished) {
      this.#expectFinite();
      this.#updateModel();
      return undefined;
    }
    const metrics = this.#metrics(await this.#evaluate());
    this.#expectFinite();
    const { testLoss } = metrics;
    if (!Number.isFinite(testLoss ?? 0)) throw this.#diverged("the test loss", this.steps, testLoss!);
    this.#updateModel();
    this.epoch += 1;
    this.#step = 0;
    this.#seconds = 0;
    sums[SUM.reconstruction] = 0;
    sums[SUM.kl] = 0;
    return metrics;
  }

  /** What the last step has made of the parameters and Adam's moments shows only here. */
  #expectFinite(): void {
    for (const [what, region] of [
      ["a weight", "parameters"],
      ["Adam's first moment", "m"],
      ["Adam's second moment", "v"],
    ] as const) {
      const values = floatsOf(this.#buffer, this.#at[region]);
      const bad = findNotFinite(values);
      if (bad >= 0) throw this.#diverged(what, this.#step, values[bad]!);
    }
  }

  /** Runs what is left of the epoch's steps; false when it was stopped before the last. */
  async #train(signal: AbortSignal | undefined): Promise<boolean> {
    let stopped = signal?.aborted ?? false;
    const stop = (): void => {
      stopped = true;
      Atomics.store(this.#control.words, WORD.stop, 1);
    };
    signal?.addEventListener("abort", stop);
    let thrown: { readonly error: unknown } | undefined;
    const report = (): void => {
      try {
        if (!thrown) this.#report();
      } catch (error) {
        // a timer's exception would end the process
        thrown = { error };
        stop();
      }
    };
    const timer = setInterval(report, PROGRESS_INTERVAL_MS);
    try {
      while (!stopped && !this.#disposing && this.#step < this.steps) await this.#trainUntilStopped();
    } finally {
      clearInterval(timer);
      signal?.removeEventListener("abort", stop);
    }
    report();
    if (thrown) throw thrown.error;
    return this.#step === this.steps;
  }

  /** Runs steps to the end of the epoch or until the stop word is set; whoever waits for a step's boundary has it then. */
  async #trainUntilStopped(): Promise<void> {
    const { words } = this.#control;
    const start = performance.now();
    await this.#crew.train({ epoch: this.epoch, fromStep: this.#step, toStep: this.steps });
    this.#seconds += (performance.now() - start) / 1000;
    this.#step = Atomics.load(words, WORD.step);
    const diverged = Atomics.load(words, WORD.diverged);
    if (diverged > 0) {
      throw this.#diverged("the loss", diverged, lossOf(this.#sums()), this.epoch === 0 && diverged === 1);
    }
    words[WORD.stop] = 0;
    words[WORD.halted] = 0;
    // after the last step only the evaluation is missing, and nothing could be resumed
    if (this.#step < this.steps) this.#answer((waiting) => waiting.resolve(this.#copyState()));
  }

  #report(): void {
    const step = Atomics.load(this.#control.words, WORD.step);
    const { train, training } = this.#session;
    const rows = Math.max(1, Math.min(train.count, step * training.batchSize));
    const loss = lossOf(this.#sums()) / rows;
    this.#onProgress?.({ epoch: this.epoch + 1, step, steps: this.steps, loss });
  }

  /** @param first whether no step has changed the weights yet */
  #diverged(what: string, step: number, found: number, first = false): DivergedError {
    const { learningRate } = this.#session.training;
    return new DivergedError({
      setting: `${what} at step ${step} of ${this.steps} in epoch ${this.epoch + 1}`,
      expected: "a finite number",
      found: String(found),
      remedy: adviceOnStart(this.#buffer, this.#at, first) ?? `try a learning rate below ${learningRate}`,
    });
  }

  /** The epoch's losses so far, summed over rows. */
  #sums(): Terms {
    return eachTerm((term) => this.#control.sums[SUM[term]]!);
  }

  /** The test rows' mean losses, summed in the order of rows. */
  async #evaluate(): Promise<Terms | undefined> {
    const { count } = this.#session.test;
    if (count === 0) return undefined;
    await this.#crew.evaluate();
    return eachTerm((term) => {
      const losses = new Float64Array(this.#buffer, this.#at.testLosses[term].at, count);
      return losses.reduce((sum, value) => sum + value, 0) / count;
    });
  }

  #metrics(test: Terms | undefined): EpochMetrics {
    const { count } = this.#session.train;
    const sums = this.#sums();
    return {
      epoch: this.epoch + 1,
      trainLoss: lossOf(sums) / count,
      trainReconstruction: sums.reconstruction / count,
      trainKl: sums.kl / count,
      testLoss: test ? lossOf(test) : null,
      testReconstruction: test?.reconstruction ?? null,
      testKl: test?.kl ?? null,
      seconds: this.#seconds,
      imagesPerSecond: count / this.#seconds,
    };
  }

  #setOrder(): void {
    const { count } = this.#session.train;
    const order = new Uint32Array(this.#buffer, this.#at.order.at, count);
    order.set(epochOrder(count, this.#vae.config.seed, this.epoch));
  }

  #updateModel(): void {
    this.#vae.setParameters(floatsOf(this.#buffer, this.#at.parameters));
  }

  /**
   * A copy of all that is needed to resume from here.
   *
   * @throws {ConfigError} when an epoch is under way
   */
  state(): TrainingState {
    this.#expectIdle();
    return this.#copyState();
  }

  #copyState(): TrainingState {
    const { reconstruction, kl } = this.#sums();
    const copy = (region: "parameters" | "m" | "v") =>
      unpackTensors(this.#vae.table, floatsOf(this.#buffer, this.#at[region]));
    return {
      epoch: this.epoch,
      step: this.#step,
      reconstructionSum: reconstruction,
      klSum: kl,
      seconds: this.#seconds,
      parameters: copy("parameters"),
      m: copy("m"),
      v: copy("v"),
    };
  }

  /** Ends the workers. An epoch that is under way is rejected. */
  dispose(): void {
    this.#crew.dispose();
  }

  /** Stops an epoch that is under way after the step at hand, waits for it and ends the workers. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing = true;
    Atomics.store(this.#control.words, WORD.stop, 1);
    await this.#running?.catch(() => {}); // whoever awaits the epoch hears of it
    this.#disposing = false;
    this.dispose();
  }
}
