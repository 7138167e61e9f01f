import type { Rows } from "../data/dataset.ts";
import type { TrainingConfig, VaeConfig } from "../model/config.ts";
import { networkRegions } from "../model/network.ts";
import { parameterTable } from "../model/parameters.ts";
import { type Plan, planMemory } from "../wasm/arena.ts";
import { LANES, ROW_BYTES, type TileName } from "../wasm/kernels.ts";
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
  /** How many workers there are. */
  readonly size: number;
  readonly tile: TileName;
  /** How often a worker looks at the barrier before it sleeps. */
  readonly spins: number;
}

/** A worker's room for one block of gradients: 16 rows of weights and the bias. */
const GRADIENT_BYTES = (LANES + 1) * ROW_BYTES;
/** A worker's room for Adam's six coefficients. */
const ADAM_BYTES = ROW_BYTES;

export function dataShape(rows: Rows | undefined): DataShape {
  return { count: rows?.count ?? 0, bytesPerValue: rows?.values instanceof Float32Array ? 4 : 1 };
}

/**
 * Where everything stands in the one memory of a training run.
 *
 * @throws {MemoryLimitError} when it does not fit a WebAssembly memory
 */
export function planSession({ config, training, train, test, size }: Session): Plan<string> {
  const { bytes } = parameterTable(config);
  return planMemory({
    control: CONTROL_BYTES,
    parameters: bytes,
    m: bytes,
    v: bytes,
    ...networkRegions(config, training.batchSize, true),
    gradient: size * GRADIENT_BYTES,
    adam: size * ADAM_BYTES,
    order: train.count * 4,
    sequence: training.batchSize * 4,
    "test losses": test.count * 2 * 8,
    data: train.count * config.inputDim * train.bytesPerValue,
    "test data": test.count * config.inputDim * test.bytesPerValue,
  });
}

/** Where worker `rank` keeps its block of gradients and its coefficients. */
export function ownRooms(plan: Plan<string>, rank: number): { gradient: number; adam: number } {
  return { gradient: plan.at.gradient + rank * GRADIENT_BYTES, adam: plan.at.adam + rank * ADAM_BYTES };
}
