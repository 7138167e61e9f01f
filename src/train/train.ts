import type { Rows } from "../data/dataset.ts";
import { checkEpochs, expectKnown, TRAIN_DEFAULTS } from "../model/config.ts";
import type { Vae } from "../model/vae.ts";
import type { EpochMetrics } from "./metrics.ts";
import { Trainer } from "./trainer.ts";
import type { TrainerOptions } from "./trainer-options.ts";

/** How `train` goes about it; what is left out is TRAIN_DEFAULTS'. */
export interface TrainOptions extends TrainerOptions {
  /** Epochs in all, those of a resumed run included. */
  readonly epochs?: number | undefined;
  /** Stops after the step at hand; the model keeps what it has learned by then. */
  readonly signal?: AbortSignal | undefined;
}

const SETTINGS = ["batchSize", "learningRate", "test", "workers", "resume", "onProgress"];

/**
 * Trains a model and yields the metrics of each epoch; between two of them the model can be used.
 *
 * @example
 * for await (const { epoch, testLoss } of train(vae, data.train, { epochs: 10, test: data.test })) {
 *   console.log(epoch, testLoss);
 * }
 *
 * @throws {ConfigError} when a setting is not allowed or the rows do not fit the model
 * @throws {DivergedError} when the loss is no longer finite
 * @throws {WorkerError} when a worker fails
 * @throws the signal's reason, when it is aborted
 */
export async function* train(
  vae: Vae,
  data: Rows,
  { epochs = TRAIN_DEFAULTS.epochs, signal, ...options }: TrainOptions = {},
): AsyncGenerator<EpochMetrics, void, undefined> {
  expectKnown("the settings of training", options, SETTINGS);
  const last = checkEpochs(epochs);
  signal?.throwIfAborted();
  const trainer = await Trainer.create(vae, data, options);
  try {
    while (trainer.epoch < last) {
      const metrics = await trainer.runEpoch(signal);
      if (metrics) yield metrics;
      signal?.throwIfAborted();
    }
  } finally {
    trainer.dispose();
  }
}
