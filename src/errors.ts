/**
 * The kinds of fault. Each message is one sentence or two that says what was expected, what was found, and what to do.
 * Everything that Elbow throws on purpose is an `ElbowError`, or the reason of an `AbortSignal` that the caller gave;
 * anything else is a bug.
 */
export abstract class ElbowError extends Error {
  /** Spelled out by every kind, as a minifier gives the classes other names. */
  abstract override get name(): string;
}

/** A setting is outside what is allowed: a config value, an option, an argument. */
export class ConfigError extends ElbowError {
  override get name(): string {
    return "ConfigError";
  }
}

/** A dataset's files are missing, damaged or do not fit each other. */
export class DataError extends ElbowError {
  override get name(): string {
    return "DataError";
  }
}

/** A file of ours or of another tool (safetensors, config, metrics) cannot be read as what it should be. */
export class FormatError extends ElbowError {
  override get name(): string {
    return "FormatError";
  }
}

/** A file cannot be read or written: no space, no permission, or it would overwrite something unasked. */
export class FileError extends ElbowError {
  override get name(): string {
    return "FileError";
  }
}

/** The engine cannot run the kernels, or was given something that is not them. */
export class KernelError extends ElbowError {
  override get name(): string {
    return "KernelError";
  }
}

/** The work needs more memory than WebAssembly can have. */
export class MemoryLimitError extends ElbowError {
  override get name(): string {
    return "MemoryLimitError";
  }
}

/** A worker threw or died; the run is over. */
export class WorkerError extends ElbowError {
  override get name(): string {
    return "WorkerError";
  }
}

/** The loss stopped being a finite number. */
export class DivergedError extends ElbowError {
  override get name(): string {
    return "DivergedError";
  }
}
