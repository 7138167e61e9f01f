import type { Rows } from "../data/dataset.ts";
import type { TrainingConfig } from "../model/config.ts";
import { packTensors } from "../model/parameters.ts";
import { placeRows } from "../model/row-values.ts";
import { byName } from "../model/tensors.ts";
import type { TrainingState } from "../model/training-state.ts";
import type { Vae } from "../model/vae.ts";
import { allocateShared, growTo, type Region } from "../wasm/arena.ts";
import { type Instance, instantiate } from "../wasm/instance.ts";
import type { TileName } from "../wasm/tiles.ts";
import { measureDensities } from "./densities.ts";
import { dataShape, planSession, type Session, type SessionMemory, withNonzeros } from "./session.ts";

/** What a session is opened for. */
export interface SessionOptions {
  readonly training: TrainingConfig;
  readonly test?: Rows | undefined;
  readonly resume?: TrainingState | undefined;
  readonly wholeGradient?: boolean | undefined;
  readonly size: number;
  readonly spins: number;
  /** The kernels, and whether they are a build for shared memory. */
  readonly module: WebAssembly.Module;
  readonly shared: boolean;
  readonly tile: TileName;
}

/** A session with its memory. */
export interface OpenSession {
  readonly session: Session;
  readonly memory: SessionMemory;
  readonly instance: Instance;
}

/**
 * Plans, allocates and fills the memory of a training run, with all that the first step needs.
 *
 * @throws {MemoryLimitError} when it does not fit a WebAssembly memory; nothing has been allocated then
 */
export function openSession(vae: Vae, data: Rows, options: SessionOptions): OpenSession {
  const open = openEmpty(vae, data, options);
  placeData(open, data, options.test);
  return open;
}

/** The same without the rows, which take most of the time: workers can start meanwhile. */
export function openEmpty(vae: Vae, data: Rows, options: SessionOptions): OpenSession {
  const { module, shared, test, training, size, spins, tile, wholeGradient } = options;
  const session = withNonzeros({
    config: vae.config,
    training,
    train: dataShape(data),
    test: dataShape(test),
    densities: measureDensities(data, tile),
    wholeGradient,
    size,
    tile,
    spins,
  });
  const memory = planSession(session);
  const instance = instantiate(module, shared ? allocateShared(memory.plan) : undefined);
  if (!shared) growTo(instance.memory, memory.plan);
  const { buffer } = instance.memory;
  const sequence = new Uint32Array(buffer, memory.sequence.at, training.batchSize);
  sequence.set([...sequence.keys()]);
  if (options.resume) fillState(buffer, memory, vae, options.resume);
  vae.copyParameters(floatsOf(buffer, memory.parameters));
  return { session, memory, instance };
}

/** The rows, in the order of the dataset. */
export function placeData({ memory, instance }: OpenSession, data: Rows, test: Rows | undefined): void {
  const { buffer } = instance.memory;
  placeRows(data.values, buffer, memory.data.at);
  if (test) placeRows(test.values, buffer, memory.testData.at);
}

/** Adam's moments; the model gets the parameters. */
function fillState(buffer: ArrayBufferLike, memory: SessionMemory, vae: Vae, state: TrainingState): void {
  vae.setTensors(byName(state.parameters));
  for (const moment of ["m", "v"] as const) {
    packTensors(vae.table, byName(state[moment]), floatsOf(buffer, memory[moment]));
  }
}

/** A region as float32. */
export function floatsOf(buffer: ArrayBufferLike, { at, bytes }: Region): Float32Array {
  return new Float32Array(buffer, at, bytes / 4);
}
