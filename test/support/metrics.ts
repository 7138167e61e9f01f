import type { EpochMetrics } from "../../src/train/metrics.ts";

/** An epoch with numbers that are long, short and round. */
export const firstEpoch: EpochMetrics = {
  epoch: 1,
  trainLoss: 187.29999999999998,
  trainReconstruction: 183.1,
  trainKl: 4.2,
  testLoss: 169.1,
  testReconstruction: 164.6,
  testKl: 4.5,
  seconds: 1.4567,
  imagesPerSecond: 41188.99,
};
