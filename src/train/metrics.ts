/** What an epoch came to. Losses are the negative ELBO and its two terms, in nats per row. */
export interface EpochMetrics {
  /** From 1. */
  readonly epoch: number;
  /** The mean over the epoch's rows, each as the weights of its step found it: the sum of the next two. */
  readonly trainLoss: number;
  /** −log p(x|z). */
  readonly trainReconstruction: number;
  /** KL(q(z|x) ‖ p(z)). */
  readonly trainKl: number;
  /** The mean over the test rows, with the weights at the epoch's end. The test's are null where there are no test rows. */
  readonly testLoss: number | null;
  /** −log p(x|z). */
  readonly testReconstruction: number | null;
  /** KL(q(z|x) ‖ p(z)). */
  readonly testKl: number | null;
  /** The training part of the epoch, without evaluation and pictures. */
  readonly seconds: number;
  /** Training rows by `seconds`. */
  readonly imagesPerSecond: number;
}
