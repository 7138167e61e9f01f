import { rowsInStep, stepsPerEpoch } from "../data/sampler.ts";
import { ADAM } from "../model/config.ts";
import { Network, type WeightShares } from "../model/network.ts";
import { parameterTable } from "../model/parameters.ts";
import { share } from "../model/share.ts";
import { PURPOSE } from "../random/purpose.ts";
import type { Plan } from "../wasm/arena.ts";
import { type Instance, instantiate, LANES } from "../wasm/kernels.ts";
import { Barrier } from "./barrier.ts";
import { type Control, controlViews, SUM, WORD } from "./control.ts";
import { networkOptions, ownRooms, planSession, type Session } from "./session.ts";

/** A stretch of steps within one epoch. */
export interface Stretch {
  /** From 0. */
  readonly epoch: number;
  readonly fromStep: number;
  readonly toStep: number;
}

/**
 * What every worker runs (SPMD: the same program, told apart by `rank` of `size`). A step has two phases with a
 * barrier after each:
 *
 *   ROWS     the worker owns some rows of the batch: forward, losses, and the gradients of all layers' outputs
 *   WEIGHTS  the worker owns some blocks of every weight matrix: their gradient over the whole batch, and Adam
 *
 * Every number has one owner and one order of summation, so the result does not depend on `size`.
 */
export class Program {
  readonly #session: Session;
  readonly #rank: number;
  readonly #plan: Plan<string>;
  readonly #memory: WebAssembly.Memory;
  readonly #network: Network;
  readonly #shares: WeightShares;
  readonly #control: Control;
  readonly #barrier: Barrier;
  readonly #adam: Float32Array;
  readonly #gradientRoom: number;
  /** Each row's two losses in the batch. */
  readonly #reconstruction: Float64Array;
  readonly #kl: Float64Array;

  constructor(session: Session, rank: number, { kernels, memory }: Instance) {
    const { config, training, size, spins } = session;
    this.#session = session;
    this.#rank = rank;
    this.#plan = planSession(session);
    this.#memory = memory;
    const table = parameterTable(config);
    this.#network = new Network(kernels, config, table, this.#plan, networkOptions(session));
    this.#shares = this.#network.shares(rank, size, session.densities);
    this.#control = controlViews(memory, this.#plan.at.control);
    this.#barrier = new Barrier(this.#control.words, size, spins);
    const rooms = ownRooms(this.#plan, rank);
    this.#gradientRoom = rooms.gradient;
    this.#adam = new Float32Array(memory.buffer, rooms.adam, 6);
    this.#reconstruction = new Float64Array(memory.buffer, this.#network.reconstruction, training.batchSize);
    this.#kl = new Float64Array(memory.buffer, this.#network.kl, training.batchSize);
  }

  /** A program over shared memory, for a worker. */
  static join(
    session: Session,
    rank: number,
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
  ): Program {
    return new Program(session, rank, instantiate(module, memory));
  }

  /** Runs the steps of a stretch, or fewer when a stop was asked for or the loss is no longer finite. */
  train({ epoch, fromStep, toStep }: Stretch): void {
    const { train, training } = this.#session;
    const { words } = this.#control;
    const before = epoch * stepsPerEpoch(train.count, training.batchSize);
    const decide = (): void => {
      Atomics.store(words, WORD.halted, Atomics.load(words, WORD.stop));
    };
    for (let step = fromStep; step < toStep; step++) {
      const batch = rowsInStep(train.count, training.batchSize, step);
      this.#rows(step, before + step, batch);
      this.#barrier.wait();
      this.#setAdam(before + step + 1);
      this.#network.update(this.#shares, batch, this.#gradientRoom, this.#adam.byteOffset);
      if (this.#rank === 0) this.#account(step, batch);
      this.#barrier.wait(decide);
      if (Atomics.load(words, WORD.halted) !== 0 || Atomics.load(words, WORD.diverged) !== 0) return;
    }
  }

  /** Phase ROWS. */
  #rows(step: number, globalStep: number, batch: number): void {
    const { training, train } = this.#session;
    const [from, to] = this.#ownRows(batch);
    const rows = to - from;
    if (rows === 0) return;
    const { at } = this.#plan;
    const network = this.#network;
    const order = at.order + (step * training.batchSize + from) * 4;
    network.gather(from, rows, at.data, order, train.bytesPerValue === 1);
    network.encode(from, rows);
    network.sample(from, rows, from, globalStep, PURPOSE.noise);
    network.decode(from, rows);
    network.losses(from, rows);
    network.backward(from, rows);
  }

  /** Workers that own rows of a batch of `count`: rows are shared out in blocks of 16, as backpropagation moves. */
  #busy(count: number): number {
    return Math.min(this.#session.size, Math.ceil(count / LANES));
  }

  #ownRows(count: number): readonly [from: number, to: number] {
    const busy = this.#busy(count);
    if (this.#rank >= busy) return [0, 0];
    const [from, to] = share(Math.ceil(count / LANES), this.#rank, busy);
    return [from * LANES, Math.min(count, to * LANES)];
  }

  /** The coefficients of step t, from 1: see assembly/adam.ts. */
  #setAdam(t: number): void {
    const { beta1, beta2, epsilon } = ADAM;
    const correction = Math.sqrt(1 - power(beta2, t));
    const adam = this.#adam;
    adam[0] = beta1;
    adam[1] = 1 - beta1;
    adam[2] = beta2;
    adam[3] = 1 - beta2;
    adam[4] = (this.#session.training.learningRate * correction) / (1 - power(beta1, t));
    adam[5] = epsilon * correction;
  }

  /** Adds the batch's losses to the epoch's, in the order of rows. */
  #account(step: number, batch: number): void {
    const { words, sums } = this.#control;
    let reconstruction = 0;
    let kl = 0;
    for (let r = 0; r < batch; r++) {
      reconstruction += this.#reconstruction[r];
      kl += this.#kl[r];
    }
    sums[SUM.reconstruction] += reconstruction;
    sums[SUM.kl] += kl;
    if (!Number.isFinite(reconstruction + kl)) Atomics.store(words, WORD.diverged, step + 1);
    Atomics.store(words, WORD.step, step + 1);
  }

  /** Each test row's two losses into the region "test losses"; every worker that has room to work in does its share. */
  evaluate(): void {
    const { config, test, training } = this.#session;
    const [from, to] = this.#ownRows(training.batchSize);
    if (from === to) return;
    const [first, last] = share(test.count, this.#rank, this.#busy(training.batchSize));
    const rowBytes = config.inputDim * test.bytesPerValue;
    const losses = new Float64Array(this.#memory.buffer, this.#plan.at["test losses"], 2 * test.count);
    const network = this.#network;
    for (let row = first; row < last; row += to - from) {
      const rows = Math.min(to - from, last - row);
      const data = this.#plan.at["test data"] + row * rowBytes;
      network.gather(from, rows, data, this.#plan.at.sequence, test.bytesPerValue === 1);
      network.encode(from, rows);
      network.sample(from, rows, row, 0, PURPOSE.evaluation);
      network.decode(from, rows);
      network.losses(from, rows);
      losses.set(this.#reconstruction.subarray(from, from + rows), row);
      losses.set(this.#kl.subarray(from, from + rows), test.count + row);
    }
  }
}

/** base to a whole power by multiplications alone, which are the same on every engine; `**` need not be. */
function power(base: number, exponent: number): number {
  let result = 1;
  for (let square = base, left = exponent; left > 0; left = Math.floor(left / 2), square *= square) {
    if (left % 2 === 1) result *= square;
  }
  return result;
}
