// What every entry offers, whatever the runtime.

export type { Dataset, Rows, Split } from "./data/dataset.ts";
export {
  ConfigError,
  DataError,
  DivergedError,
  ElbowError,
  type Fault,
  FileError,
  FormatError,
  KernelError,
  MemoryLimitError,
  WorkerError,
} from "./errors.ts";
export type { ModelInfo } from "./formats/metadata.ts";
export { type ModelFile, parseModel, serializeModel } from "./formats/model-file.ts";
export type { Activation } from "./model/activations.ts";
export {
  ADAM,
  imageOf,
  type PartialVaeConfig,
  type RowImage,
  TRAIN_DEFAULTS,
  type TrainingConfig,
  VAE_DEFAULTS,
  type VaeConfig,
} from "./model/config.ts";
export type { Likelihood } from "./model/likelihoods.ts";
export type { Terms } from "./model/objective.ts";
export type { ParameterTable } from "./model/parameters.ts";
export type { RowValues } from "./model/row-values.ts";
export type { NamedTensor, Tensors } from "./model/tensors.ts";
export type { TrainingState } from "./model/training-state.ts";
export { type Posterior, type RowLosses, Vae } from "./model/vae.ts";
export type { EpochMetrics } from "./train/metrics.ts";
export { type TrainOptions, train } from "./train/train.ts";
export { Trainer } from "./train/trainer.ts";
export type { Progress, TrainerOptions } from "./train/trainer-options.ts";
export type { Plan, Region } from "./wasm/arena.ts";
export type { Arithmetic } from "./wasm/builds.ts";
export type { TileName } from "./wasm/tiles.ts";
