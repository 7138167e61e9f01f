/** What an epoch came to. Losses are the negative ELBO and its two terms, in nats per row. */
export interface EpochMetrics {
  /** From 1. */
  readonly epoch: number;
  readonly trainLoss: number;
  readonly trainReconstruction: number;
  readonly trainKl: number;
  /** The test's are null where there is no test split. */
  readonly testLoss: number | null;
  readonly testReconstruction: number | null;
  readonly testKl: number | null;
  /** The training part of the epoch, without evaluation and pictures. */
  readonly seconds: number;
  readonly imagesPerSecond: number;
}
