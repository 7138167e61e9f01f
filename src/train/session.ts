import type { Rows } from "../data/dataset.ts";
import { MemoryLimitError } from "../errors.ts";
import type { TrainingConfig, VaeConfig } from "../model/config.ts";
import type { NetworkOptions } from "../model/network.ts";
import { parameterTable } from "../model/parameters.ts";
import { networkRegions } from "../model/regions.ts";
import { type Plan, planMemory } from "../wasm/arena.ts";
import { GRADIENT_BYTES, LANES, ROW_BYTES } from "../wasm/kernels.ts";
import { SPARSE_BELOW, type TileName } from "../wasm/tiles.ts";
import { CONTROL_BYTES } from "./control.ts";

/** What kind of rows stand in memory, and how many. */
export interface DataShape {
  readonly count: number;
  readonly bytesPerValue: 1 | 4;
}

/** What every worker must know to take part; small enough to be sent. */
export interface Session {
  readonly config: VaeConfig;
  readonly training: TrainingConfig;
  readonly train: DataShape;
  readonly test: DataShape;
  /** For each 16 columns of the training data, the part that is not zero; absent where most is not. */
  readonly densities?: readonly number[] | undefined;
  /** Whether hidden layers may work on lists of what is not zero. */
  readonly listHidden: boolean;
  /** How many workers there are. */
  readonly size: number;
  readonly tile: TileName;
  /** How often a worker looks at the barrier before it sleeps. */
  readonly spins: number;
}

/** A worker's room for Adam's six coefficients. */
const ADAM_BYTES = ROW_BYTES;

export function dataShape(rows: Rows | undefined): DataShape {
  return { count: rows?.count ?? 0, bytesPerValue: rows?.values instanceof Float32Array ? 4 : 1 };
}

export function networkOptions({ training, densities, listHidden, tile }: Session): NetworkOptions {
  const { batchSize } = training;
  return { capacity: batchSize, training: true, sparse: densities !== undefined, listHidden, tile };
}

/** Rows that are looked at to learn how much of the data is zero. */
const PROBED_ROWS = 1000;

/**
 * For each 16 columns the part that is not zero, from a sample of evenly spaced rows; none where it is too much for
 * lists of what is not zero to be the faster way.
 */
export function measureDensities(
  { values, count, dim }: Rows,
  tile: TileName,
): readonly number[] | undefined {
  const step = Math.max(1, Math.floor(count / PROBED_ROWS));
  const nonzeros = new Array<number>(Math.ceil(dim / LANES)).fill(0);
  let rows = 0;
  for (let row = 0; row < count; row += step, rows++) {
    const start = row * dim;
    for (let column = 0; column < dim; column++) {
      if (values[start + column] !== 0) nonzeros[Math.floor(column / LANES)]++;
    }
  }
  const all = nonzeros.reduce((sum, n) => sum + n, 0);
  if (all >= SPARSE_BELOW[tile] * rows * dim) return undefined;
  return nonzeros.map((n) => n / (rows * LANES));
}

/**
 * Where everything stands in the one memory of a training run.
 *
 * @throws {MemoryLimitError} when it does not fit a WebAssembly memory
 */
export function planSession(session: Session): Plan<string> {
  const { config, training, train, test, size } = session;
  const { bytes } = parameterTable(config);
  return planMemory({
    control: CONTROL_BYTES,
    parameters: bytes,
    m: bytes,
    v: bytes,
    ...networkRegions(config, networkOptions(session)),
    gradient: size * GRADIENT_BYTES,
    adam: size * ADAM_BYTES,
    order: train.count * 4,
    sequence: training.batchSize * 4,
    "test losses": test.count * 2 * 8,
    data: train.count * config.inputDim * train.bytesPerValue,
    "test data": test.count * config.inputDim * test.bytesPerValue,
  });
}

/**
 * A session with the lists that its tile gains from. They only save time: where the memory would not do with them, the
 * hidden layers' are left out, then those of the data.
 */
export function withLists(session: Omit<Session, "listHidden">): Session {
  // a ReLU leaves about half
  const most = { ...session, listHidden: SPARSE_BELOW[session.tile] > 0.5 };
  const fewer = { ...most, listHidden: false };
  return [most, fewer].find(fits) ?? { ...fewer, densities: undefined };
}

function fits(session: Session): boolean {
  try {
    planSession(session);
    return true;
  } catch (error) {
    if (error instanceof MemoryLimitError) return false;
    throw error;
  }
}

/** Where worker `rank` keeps its block of gradients and its coefficients. */
export function ownRooms(plan: Plan<string>, rank: number): { gradient: number; adam: number } {
  return { gradient: plan.at.gradient + rank * GRADIENT_BYTES, adam: plan.at.adam + rank * ADAM_BYTES };
}
