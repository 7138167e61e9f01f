import type { Arithmetic } from "../wasm/builds.ts";
import type { TrainingConfig, VaeConfig } from "./config.ts";
import type { NamedTensor } from "./tensors.ts";

/** One step of training: what went into it, and what came of it before the weights changed. */
export interface TracedStep {
  /** The numbers of the training rows in the batch, in its order. */
  readonly rows: Int32Array<ArrayBuffer>;
  /** ε of the batch, [rows, latentDim], row-major. */
  readonly noise: Float32Array<ArrayBuffer>;
  /** −log p(x|z), summed over the batch, in nats. */
  readonly reconstruction: number;
  /** KL(q(z|x) ‖ p(z)), summed over the batch, in nats. */
  readonly kl: number;
  /** The L2 norm of the gradient of that sum by each parameter tensor, in the order of `Trace.initial`. */
  readonly gradientNorms: Float64Array<ArrayBuffer>;
  /** What the step took, without the tracing of it. */
  readonly seconds: number;
}

/** A stretch of training from its start, with all that another program needs to do the same work. */
export interface Trace {
  /** The model's settings. */
  readonly config: VaeConfig;
  /** The settings of the training. */
  readonly training: TrainingConfig;
  /** How the kernels rounded. */
  readonly arithmetic: Arithmetic;
  /** The weights before the first step, under PyTorch's names and [out, in]. */
  readonly initial: readonly NamedTensor[];
  /** From the first on. */
  readonly steps: readonly TracedStep[];
}
