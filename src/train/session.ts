import type { Rows } from "../data/dataset.ts";
import { MemoryLimitError } from "../errors.ts";
import type { TrainingConfig, VaeConfig } from "../model/config.ts";
import type { NetworkUse } from "../model/layers/layer.ts";
import { type NetworkMemory, planNetwork } from "../model/network-memory.ts";
import { eachTerm, type Terms } from "../model/objective.ts";
import { parameterTable } from "../model/parameters.ts";
import { bytesPerValue } from "../model/row-values.ts";
import { Arena, type Plan, pagesOf, type Region } from "../wasm/arena.ts";
import type { Source, UpdateRoom } from "../wasm/kernels.ts";
import { GRADIENT_BYTES, ROW_BYTES } from "../wasm/layout.ts";
import { SPARSE_BELOW, type TileName } from "../wasm/tiles.ts";
import { CONTROL_BYTES } from "./control.ts";

/** What kind of rows are in memory, and how many. */
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
  /** The density of the training data's nonzeros, for each 16 columns; absent where they are dense. */
  readonly densities?: readonly number[] | undefined;
  /** Whether hidden layers may work on nonzeros. */
  readonly listHidden: boolean;
  /** Whether there is room for the gradient of all parameters at once, which training itself never has. */
  readonly wholeGradient?: boolean | undefined;
  /** How many workers there are. */
  readonly size: number;
  readonly tile: TileName;
  /** How often a worker looks at the barrier before it sleeps. */
  readonly spins: number;
}

/** What belongs to one worker. */
export interface WorkerRoom extends UpdateRoom {
  /** Byte offset of a counter of the phases that it has finished. */
  readonly beat: number;
}

/** Where everything is in the one memory of a training run. */
export interface SessionMemory {
  readonly plan: Plan;
  readonly control: Region;
  readonly parameters: Region;
  /** Adam's moments, laid out as the parameters. */
  readonly m: Region;
  readonly v: Region;
  readonly network: NetworkMemory;
  /** Each worker's own. */
  readonly rooms: readonly WorkerRoom[];
  readonly wholeGradient: Region | undefined;
  /** Row numbers of the epoch in the order of training, and 0, 1, 2, …. */
  readonly order: Region;
  readonly sequence: Region;
  /** One float64 for each test row. */
  readonly testLosses: Terms<Region>;
  readonly data: Region & Source;
  readonly testData: Region & Source;
}

const NO_ROWS: DataShape = { count: 0, bytesPerValue: 1 };

export function dataShape(rows: Rows | undefined): DataShape {
  return rows ? { count: rows.count, bytesPerValue: bytesPerValue(rows.values) } : NO_ROWS;
}

function networkUse({ training, densities, listHidden }: Session): NetworkUse {
  return { capacity: training.batchSize, training: true, sparse: densities !== undefined, listHidden };
}

/**
 * Plans the memory of a training run.
 *
 * @throws {MemoryLimitError} when it does not fit a WebAssembly memory
 */
export function planSession(session: Session): SessionMemory {
  const { config, training, train, test, size } = session;
  const { bytes } = parameterTable(config);
  const arena = new Arena();
  const rows = (name: string, { count, bytesPerValue }: DataShape): Region & Source => {
    return { ...arena.region(name, count * config.inputDim * bytesPerValue), bytesPerValue };
  };
  const memory = {
    plan: arena,
    control: arena.region("control", CONTROL_BYTES),
    parameters: arena.region("parameters", bytes),
    m: arena.region("m", bytes),
    v: arena.region("v", bytes),
    network: planNetwork(arena, config, networkUse(session)),
    rooms: Array.from({ length: size }, (_, rank) => {
      const gradient = arena.region(`gradient of worker ${rank}`, GRADIENT_BYTES).at;
      const adam = arena.region(`Adam's coefficients of worker ${rank}`, ROW_BYTES).at;
      // where the worker writes in every step anyway: the coefficients are 24 bytes
      return { gradient, adam, beat: adam + ROW_BYTES / 2 };
    }),
    wholeGradient: session.wholeGradient ? arena.region("gradient", bytes) : undefined,
    order: arena.region("order", train.count * 4),
    sequence: arena.region("sequence", training.batchSize * 4),
    testLosses: eachTerm((term) => arena.region(`test ${term}`, test.count * 8)),
    data: rows("data", train),
    testData: rows("test data", test),
  };
  pagesOf(arena);
  return memory;
}

/**
 * A session with the nonzeros that its tile gains from. They only save time: where the memory is too small for them, the
 * hidden layers' are left out first, then those of the data.
 */
export function withNonzeros(session: Omit<Session, "listHidden">): Session {
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
