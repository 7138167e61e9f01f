import type { Rows } from "../src/data/dataset.ts";
import type { VaeConfig } from "../src/model/config.ts";
import { Vae } from "../src/model/vae.ts";
import { Trainer } from "../src/train/trainer.ts";

/** A training that can be run one epoch at a time, among others. */
export interface Training {
  /** Seconds and loss of the next epoch, the training part of it. */
  epoch(): Promise<{ seconds: number; loss: number }>;
  dispose(): void;
}

/** Starts a training and warms it up with an epoch that does not count. */
export async function startTraining(
  config: Partial<VaeConfig> & Pick<VaeConfig, "inputDim">,
  rows: Rows,
  options: { workers: number; batchSize?: number },
): Promise<Training> {
  const trainer = await Trainer.create(await Vae.create(config), rows, options);
  const epoch = async (): Promise<{ seconds: number; loss: number }> => {
    const metrics = await trainer.runEpoch();
    if (!metrics) throw new Error("an epoch of the benchmark was stopped");
    return { seconds: metrics.seconds, loss: metrics.trainLoss };
  };
  await epoch();
  return { epoch, dispose: () => trainer.dispose() };
}
