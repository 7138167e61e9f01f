/**
 * The kinds of fault. Each message is one sentence or two that says what was expected, what was found, and what to do.
 * Everything that Elbow throws on purpose is an `ElbowError`; anything else is a bug.
 */
export abstract class ElbowError extends Error {
  override get name(): string {
    return this.constructor.name;
  }
}

/** A setting is outside what is allowed: a config value, an option, an argument. */
export class ConfigError extends ElbowError {}

/** A dataset's files are missing, damaged or do not fit each other. */
export class DataError extends ElbowError {}

/** A file of ours or of another tool (safetensors, config, metrics) cannot be read as what it should be. */
export class FormatError extends ElbowError {}

/** A file cannot be read or written: no space, no permission, or it would overwrite something unasked. */
export class FileError extends ElbowError {}

/** The engine cannot run the kernels, or was given something that is not them. */
export class KernelError extends ElbowError {}

/** The work needs more memory than WebAssembly can have. */
export class MemoryLimitError extends ElbowError {}

/** A worker threw or died; the run is over. */
export class WorkerError extends ElbowError {}

/** The loss stopped being a finite number. */
export class DivergedError extends ElbowError {}
