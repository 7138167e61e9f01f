import type { Rows } from "../data/dataset.ts";
import { epochOrder, rowsInStep, stepsPerEpoch } from "../data/sampler.ts";
import { DivergedError } from "../errors.ts";
import { checkSteps, checkTraining, expectKnown, TRACE_STEPS, type TrainingConfig } from "../model/config.ts";
import { eachTerm, lossOf, type Terms } from "../model/objective.ts";
import { unpackTensors } from "../model/parameters.ts";
import type { Trace, TracedStep } from "../model/training-trace.ts";
import type { Vae } from "../model/vae.ts";
import { readMatrix } from "../wasm/matrix.ts";
import { adviceOnStart } from "./advice.ts";
import { expectRows } from "./expect.ts";
import { floatsOf, type OpenSession, openSession } from "./open-session.ts";
import { Program } from "./program.ts";

/** How much is traced; what is left out is 100 steps, and TRAIN_DEFAULTS'. */
export interface TraceOptions extends Partial<TrainingConfig> {
  /** Steps from the start of training; they may run through several epochs. */
  readonly steps?: number | undefined;
}

/**
 * Trains for some steps on this thread and writes down all that decides them and what comes of them, so that another
 * program can do the same work and compare. The steps are those of `train` with the same settings, to the bit, and
 * the model ends with what they have made of it.
 *
 * @throws {ConfigError} when a setting is not allowed or the rows do not fit the model
 * @throws {MemoryLimitError} when it does not fit a WebAssembly memory
 * @throws {DivergedError} when the loss is no longer finite; the model keeps the parameters that it had
 */
export async function trace(vae: Vae, data: Rows, options: TraceOptions = {}): Promise<Trace> {
  expectKnown("the settings of a trace", options, ["steps", "batchSize", "learningRate"]);
  const steps = checkSteps(options.steps ?? TRACE_STEPS);
  const training = checkTraining(options);
  expectRows("training", data, vae.config);
  const initial = vae.tensors();
  const tracer = new Tracer(vae, data, training);
  const traced: TracedStep[] = [];
  while (traced.length < steps) traced.push(tracer.next());
  tracer.updateModel();
  return { config: vae.config, training, arithmetic: vae.arithmetic, initial, steps: traced };
}

/** The training program on one thread, step by step, with a look at its memory after each. */
class Tracer {
  readonly #vae: Vae;
  readonly #open: OpenSession;
  readonly #buffer: ArrayBufferLike;
  readonly #program: Program;
  #done = 0;

  constructor(vae: Vae, data: Rows, training: TrainingConfig) {
    const { module, tile } = vae.kernels;
    const options = { training, size: 1, spins: 0, module, shared: false, tile, wholeGradient: true };
    this.#vae = vae;
    this.#open = openSession(vae, data, options);
    this.#buffer = this.#open.instance.memory.buffer;
    this.#program = new Program(this.#open.session, 0, this.#open.instance);
  }

  next(): TracedStep {
    const { session, memory } = this.#open;
    const { train, training } = session;
    const steps = stepsPerEpoch(train.count, training.batchSize);
    const epoch = Math.floor(this.#done / steps);
    const step = this.#done % steps;
    const order = new Int32Array(this.#buffer, memory.order.at, train.count);
    if (step === 0) order.set(epochOrder(train.count, this.#vae.config.seed, epoch));
    const start = performance.now();
    this.#program.train({ epoch, fromStep: step, toStep: step + 1 });
    const seconds = (performance.now() - start) / 1000;
    this.#done += 1;
    const rows = rowsInStep(train.count, training.batchSize, step);
    const first = step * training.batchSize;
    const traced = {
      rows: order.slice(first, first + rows),
      noise: this.#noise(rows),
      ...this.#losses(rows),
      gradientNorms: this.#gradientNorms(rows),
      seconds,
    };
    const initial = this.#done === 1;
    this.#expectFinite("the loss", lossOf(traced), initial);
    for (const norm of traced.gradientNorms) this.#expectFinite("a gradient's norm", norm, initial);
    return traced;
  }

  /** The rows' losses, added up as the program does. */
  #losses(rows: number): Terms {
    const { losses } = this.#program.network.memory.objective;
    return eachTerm((term) =>
      new Float64Array(this.#buffer, losses[term].at, rows).reduce((sum, loss) => sum + loss, 0),
    );
  }

  #noise(rows: number): Float32Array<ArrayBuffer> {
    const { latentDim } = this.#vae.config;
    const noise = new Float32Array(rows * latentDim);
    readMatrix(
      new Float32Array(this.#buffer),
      this.#program.network.memory.latent.eps,
      [rows, latentDim],
      noise,
    );
    return noise;
  }

  /** From the gradients that the step has left; Adam has changed the weights since, but they are not read. */
  #gradientNorms(rows: number): Float64Array<ArrayBuffer> {
    const region = this.#open.memory.wholeGradient!;
    this.#program.network.gradient(region.at, rows);
    const gradient = floatsOf(this.#buffer, region);
    const tensors = unpackTensors(this.#vae.table, gradient);
    return Float64Array.from(tensors, ({ data }) => {
      let squares = 0;
      for (const value of data) squares += value * value;
      return Math.sqrt(squares);
    });
  }

  /** Gives the model its new weights; what the last step has made of them shows only here. */
  updateModel(): void {
    const parameters = floatsOf(this.#buffer, this.#open.memory.parameters);
    for (const weight of parameters) this.#expectFinite("a weight", weight);
    this.#vae.setParameters(parameters);
  }

  /** @param first whether the weights are still the initial ones */
  #expectFinite(what: string, value: number, first = false): void {
    if (Number.isFinite(value)) return;
    const { session, memory } = this.#open;
    throw new DivergedError({
      setting: `${what} at step ${this.#done}`,
      expected: "a finite number",
      found: String(value),
      remedy:
        adviceOnStart(this.#buffer, memory, first) ??
        `try fewer steps or a learning rate below ${session.training.learningRate}`,
    });
  }
}
