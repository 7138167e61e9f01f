import { vi } from "vitest";
import {
  type Arithmetic,
  type EpochMetrics,
  type Rows,
  Trainer,
  type TrainerOptions,
  type TrainingState,
  Vae,
  type VaeConfig,
} from "../../src/node.ts";
import { bitsOf } from "./kernel-memory.ts";
import { uniforms } from "./uniforms.ts";

/** Rows of numbers in [0, 1] of which a part is not zero, as bytes or as float32. */
export function makeRows(
  count: number,
  dim: number,
  { bytes = false, density = 1, seed = 0 } = {},
): Rows & { readonly values: Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer> } {
  const dice = uniforms(seed + 1, count * dim, 0, 1);
  const numbers = uniforms(seed + 2, count * dim, 0.1, 1).map((value, i) => (dice[i] < density ? value : 0));
  const values = bytes ? Uint8Array.from(numbers, (value) => 255 * value) : Float32Array.from(numbers);
  return { values, count, dim };
}

/** An epoch's metrics without the two that are times. */
export type Losses = Omit<EpochMetrics, "seconds" | "imagesPerSecond">;

export function lossesOf({ seconds: _, imagesPerSecond: __, ...losses }: EpochMetrics): Losses {
  return losses;
}

/** How many workers, or `inline`: this thread alone, as where memory cannot be shared. */
export type Workers = number | "inline";

/** A trainer on so many workers. */
export async function createTrainer(
  vae: Vae,
  data: Rows,
  { workers, ...options }: Omit<TrainerOptions, "workers"> & { readonly workers: Workers },
): Promise<Trainer> {
  if (workers !== "inline") return Trainer.create(vae, data, { ...options, workers });
  vi.stubGlobal("crossOriginIsolated", false);
  try {
    return await Trainer.create(vae, data, options);
  } finally {
    vi.unstubAllGlobals();
  }
}

export interface Task {
  readonly config: Omit<VaeConfig, "inputShape">;
  readonly data: Rows;
  readonly test?: Rows;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate?: number;
}

export interface Outcome {
  readonly losses: readonly Losses[];
  /** Every bit of parameters and moments. */
  readonly bits: Uint32Array;
  readonly state: TrainingState;
  readonly vae: Vae;
}

export function bitsOfState({ parameters, m, v }: TrainingState): Uint32Array {
  return Uint32Array.of(...[...parameters, ...m, ...v].flatMap(({ data }) => [...bitsOf(data)]));
}

/** Trains from the first epoch to the last without a stop. */
export async function runTask(task: Task, workers: Workers, arithmetic: Arithmetic): Promise<Outcome> {
  const { config, data, epochs, ...options } = task;
  const vae = await Vae.create(config, { arithmetic });
  const trainer = await createTrainer(vae, data, { ...options, workers });
  try {
    const losses: Losses[] = [];
    while (trainer.epoch < epochs) losses.push(lossesOf((await trainer.runEpoch())!));
    const state = trainer.state();
    return { losses, bits: bitsOfState(state), state, vae };
  } finally {
    trainer.dispose();
  }
}
