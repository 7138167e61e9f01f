import { rowsInStep, stepsPerEpoch } from "../data/sampler.ts";
import { ADAM } from "../model/config.ts";
import { Network, type Shares } from "../model/network.ts";
import { eachTerm, lossOf, TERMS, type Terms } from "../model/objective.ts";
import { share } from "../model/share.ts";
import { seedKey } from "../random/philox.ts";
import { PURPOSE } from "../random/purpose.ts";
import type { Region } from "../wasm/arena.ts";
import type { Instance } from "../wasm/instance.ts";
import { Kernels } from "../wasm/kernels.ts";
import { LANES } from "../wasm/layout.ts";
import type { Range } from "../wasm/matrix.ts";
import { type Control, controlViews, SUM, WORD } from "./control.ts";
import { planSession, type Session, type SessionMemory, type WorkerRoom } from "./session.ts";

/** A stretch of steps within one epoch. */
export interface Stretch {
  /** From 0. */
  readonly epoch: number;
  readonly fromStep: number;
  readonly toStep: number;
}

/** A barrier: nobody passes before all have arrived, and the last to arrive runs `decide` before that. */
export interface Waiting {
  wait(decide?: () => void): void;
}

/** One thread has nobody to wait for. */
const ALONE: Waiting = { wait: (decide) => decide?.() };

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
  readonly network: Network;
  readonly #session: Session;
  readonly #rank: number;
  readonly #at: SessionMemory;
  readonly #key: readonly [number, number];
  readonly #shares: Shares;
  readonly #control: Control;
  readonly #barrier: Waiting;
  readonly #room: WorkerRoom;
  readonly #beats: Int32Array;
  readonly #adam: Float32Array;
  /** The terms of each row of the batch, and of each test row. */
  readonly #losses: Terms<Float64Array>;
  readonly #testLosses: Terms<Float64Array>;

  /**
   * @param barrier where the workers of a session wait for each other
   * @param kernels the instance's, or something that watches them
   */
  constructor(
    session: Session,
    rank: number,
    { exports, memory: { buffer } }: Pick<Instance, "exports" | "memory">,
    barrier: (words: Int32Array) => Waiting = () => ALONE,
    kernels = new Kernels(exports, session.tile),
  ) {
    const { config, size, densities } = session;
    const at = planSession(session);
    const { parameters, m, v, network, control, rooms, testLosses } = at;
    this.#session = session;
    this.#rank = rank;
    this.#at = at;
    this.#key = seedKey(config.seed);
    const places = { w: parameters.at, m: m.at, v: v.at };
    this.network = new Network(kernels, config, network, places, buffer);
    this.#shares = this.network.shares(rank, size, densities);
    this.#control = controlViews(buffer, control.at);
    this.#barrier = barrier(this.#control.words);
    this.#room = rooms[rank]!;
    this.#beats = new Int32Array(buffer, this.#room.beat, 1);
    this.#adam = new Float32Array(buffer, this.#room.adam, 6);
    const views = (regions: Terms<Region>) =>
      eachTerm((term) => new Float64Array(buffer, regions[term].at, regions[term].bytes / 8));
    this.#losses = views(network.objective.losses);
    this.#testLosses = views(testLosses);
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
      this.#beat();
      this.#barrier.wait();
      this.#setAdam(before + step + 1);
      this.network.update(this.#shares, batch, this.#room);
      if (this.#rank === 0) this.#account(step, batch);
      this.#beat();
      this.#barrier.wait(decide);
      if (Atomics.load(words, WORD.halted) !== 0 || Atomics.load(words, WORD.diverged) !== 0) return;
    }
  }

  /** Shows that this worker gets on (watchdog.ts). */
  #beat(): void {
    Atomics.add(this.#beats, 0, 1);
  }

  /** Phase ROWS. */
  #rows(step: number, globalStep: number, batch: number): void {
    const rows = this.#ownRows(batch);
    if (rows[0] === rows[1]) return;
    const order = this.#at.order.at + (step * this.#session.training.batchSize + rows[0]) * 4;
    const draws = { key: this.#key, purpose: PURPOSE.noise, step: globalStep, row: rows[0] };
    this.network.gather(rows, this.#at.data, order);
    this.network.encode(rows);
    this.network.differentiate(rows, draws);
  }

  /** Workers that own rows of a batch of `count`: rows are shared out in blocks of 16, as backpropagation moves. */
  #busy(count: number): number {
    return Math.min(this.#session.size, Math.ceil(count / LANES));
  }

  #ownRows(count: number): Range {
    const busy = this.#busy(count);
    if (this.#rank >= busy) return [0, 0];
    const [from, to] = share(Math.ceil(count / LANES), this.#rank, busy);
    return [from * LANES, Math.min(count, to * LANES)];
  }

  /** The coefficients of step t, from 1: see assembly/adam.ts. */
  #setAdam(t: number): void {
    const { beta1, beta2, epsilon } = ADAM;
    const correction = Math.sqrt(1 - power(beta2, t));
    const rate = (this.#session.training.learningRate * correction) / (1 - power(beta1, t));
    this.#adam.set([beta1, 1 - beta1, beta2, 1 - beta2, rate, epsilon * correction]);
  }

  /** Adds the batch's losses to the epoch's, in the order of rows. */
  #account(step: number, batch: number): void {
    const { words, sums } = this.#control;
    const total = { reconstruction: 0, kl: 0 };
    for (const term of TERMS) {
      total[term] = sumOf(this.#losses[term], batch);
      sums[SUM[term]]! += total[term];
    }
    if (!Number.isFinite(lossOf(total))) Atomics.store(words, WORD.diverged, step + 1);
    Atomics.store(words, WORD.step, step + 1);
  }

  /** Both terms of each test row; every worker that has room to work in does its share. */
  evaluate(): void {
    const { config, test, training } = this.#session;
    const [from, to] = this.#ownRows(training.batchSize);
    if (from === to) return;
    const { sequence, testData } = this.#at;
    const [first, last] = share(test.count, this.#rank, this.#busy(training.batchSize));
    for (let row = first; row < last; row += to - from) {
      const rows = [from, from + Math.min(to - from, last - row)] as const;
      const source = { ...testData, at: testData.at + row * config.inputDim * test.bytesPerValue };
      this.network.gather(rows, source, sequence.at);
      this.network.encode(rows);
      this.network.evaluate(rows, { key: this.#key, purpose: PURPOSE.evaluation, step: 0, row });
      for (const term of TERMS) this.#testLosses[term].set(this.#losses[term].subarray(...rows), row);
      this.#beat();
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

/** Sums the first `count` values in order. */
function sumOf(values: Float64Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[i]!;
  return sum;
}
