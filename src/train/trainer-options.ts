import type { Rows } from "../data/dataset.ts";
import type { TrainingConfig } from "../model/config.ts";
import type { TrainingState } from "../model/training-state.ts";

/** How far an epoch has come. */
export interface Progress {
  /** From 1. */
  readonly epoch: number;
  /** Steps of the epoch that are done. */
  readonly step: number;
  /** Steps that the epoch has. */
  readonly steps: number;
  /** The mean loss of the epoch so far, in nats per row. */
  readonly loss: number;
}

/** How a `Trainer` trains; what is left out is TRAIN_DEFAULTS'. */
export interface TrainerOptions extends Partial<TrainingConfig> {
  /** Rows to evaluate after every epoch. */
  readonly test?: Rows | undefined;
  /**
   * How many workers; it changes the time and nothing else. Where nothing is said: all cores, or this thread alone
   * where there can be no workers, as in a page that is not cross-origin isolated and for a model of Vae.fromModule.
   */
  readonly workers?: number | undefined;
  /** The state to resume from; the model takes the state's parameters over. */
  readonly resume?: TrainingState | undefined;
  /** Called about ten times a second while an epoch is being trained, and at its end. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}
