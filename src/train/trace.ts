import type { Rows } from "../data/dataset.ts";
import { epochOrder, rowsInStep, stepsPerEpoch } from "../data/sampler.ts";
import { DivergedError } from "../errors.ts";
import { checkSteps, checkTraining, expectKnown, TRACE_STEPS, type TrainingConfig } from "../model/config.ts";
import { Network } from "../model/network.ts";
import { unpackTensors } from "../model/parameters.ts";
import { matrixAt } from "../model/regions.ts";
import type { Trace, TracedStep } from "../model/training-trace.ts";
import type { Vae } from "../model/vae.ts";
import { growTo, type Plan, planMemory } from "../wasm/arena.ts";
import { elementIndex, instantiate } from "../wasm/kernels.ts";
import { Program } from "./program.ts";
import {
  dataShape,
  measureDensities,
  networkOptions,
  planSession,
  type Session,
  withLists,
} from "./session.ts";
import { expectRows, fillMemory, parametersAt } from "./trainer.ts";

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
  const tracer = Tracer.create(vae, data, training);
  const traced: TracedStep[] = [];
  while (traced.length < steps) traced.push(tracer.next());
  tracer.updateModel();
  return { config: vae.config, training, arithmetic: vae.arithmetic, initial, steps: traced };
}

/** The training program on one thread, step by step, with a look at its memory after each. */
class Tracer {
  readonly #vae: Vae;
  readonly #session: Session;
  readonly #plan: Plan<string>;
  readonly #memory: WebAssembly.Memory;
  readonly #program: Program;
  /** A second view of the program's memory: what it reads there, the program has left. */
  readonly #network: Network;
  #done = 0;

  static create(vae: Vae, data: Rows, training: TrainingConfig): Tracer {
    const { module, tile } = vae.kernels;
    const session = withLists({
      config: vae.config,
      training,
      train: dataShape(data),
      test: dataShape(undefined),
      densities: measureDensities(data, tile),
      size: 1,
      tile,
      spins: 0,
    });
    // The regions of a session stay where they are, and the gradient, which training never has in one piece, comes last.
    const plan = planMemory({ ...planSession(session).sizes, "whole gradient": vae.table.bytes });
    return new Tracer(vae, data, session, plan, module);
  }

  private constructor(
    vae: Vae,
    data: Rows,
    session: Session,
    plan: Plan<string>,
    module: WebAssembly.Module,
  ) {
    const instance = instantiate(module);
    growTo(instance.memory, plan);
    this.#vae = vae;
    this.#session = session;
    this.#plan = plan;
    this.#memory = instance.memory;
    fillMemory(instance.memory, plan, vae, data, {});
    this.#program = new Program(session, 0, instance);
    this.#network = new Network(instance.kernels, vae.config, vae.table, plan, networkOptions(session));
  }

  next(): TracedStep {
    const { train, training } = this.#session;
    const steps = stepsPerEpoch(train.count, training.batchSize);
    const epoch = Math.floor(this.#done / steps);
    const step = this.#done % steps;
    const order = new Int32Array(this.#memory.buffer, this.#plan.at.order, train.count);
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
      reconstruction: this.#sum(this.#network.reconstruction, rows),
      kl: this.#sum(this.#network.kl, rows),
      gradientNorms: this.#gradientNorms(rows),
      seconds,
    };
    this.#expectFinite(traced);
    return traced;
  }

  /** The rows' losses as the program adds them up. */
  #sum(at: number, rows: number): number {
    return new Float64Array(this.#memory.buffer, at, rows).reduce((sum, loss) => sum + loss, 0);
  }

  #noise(rows: number): Float32Array<ArrayBuffer> {
    const { latentDim } = this.#vae.config;
    const { at, stride } = matrixAt(this.#plan, "eps", this.#session.training.batchSize);
    const floats = new Float32Array(this.#memory.buffer);
    const noise = new Float32Array(rows * latentDim);
    for (let i = 0; i < noise.length; i++) {
      const row = Math.floor(i / latentDim);
      const column = i % latentDim;
      noise[i] = floats[at / 4 + elementIndex(stride, row, column)];
    }
    return noise;
  }

  /** From the deltas that the step has left; Adam has changed the weights since, but they are not asked. */
  #gradientNorms(rows: number): Float64Array<ArrayBuffer> {
    const at = this.#plan.at["whole gradient"];
    this.#network.gradient(at, rows);
    const gradient = new Float32Array(this.#memory.buffer, at, this.#vae.table.bytes / 4);
    const tensors = unpackTensors(this.#vae.table, gradient);
    return Float64Array.from(tensors, ({ data }) => {
      let squares = 0;
      for (const value of data) squares += value * value;
      return Math.sqrt(squares);
    });
  }

  #expectFinite({ reconstruction, kl, gradientNorms }: TracedStep): void {
    if (Number.isFinite(reconstruction + kl) && gradientNorms.every(Number.isFinite)) return;
    throw this.#diverged("the loss or its gradient");
  }

  /** Gives the model its new weights; what the last step has made of them shows only here. */
  updateModel(): void {
    const parameters = parametersAt(this.#memory, this.#plan, "parameters");
    if (!parameters.every(Number.isFinite)) throw this.#diverged("the weights");
    this.#vae.setParameters(parameters);
  }

  #diverged(what: string): DivergedError {
    const { learningRate } = this.#session.training;
    return new DivergedError(
      `${what} stopped being a finite number at step ${this.#done}; try fewer steps or a learning rate below ${learningRate}`,
    );
  }
}
