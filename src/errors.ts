/** What is wrong, as data. The sentence that people read is composed in one place, by `ElbowError`. */
export interface Fault {
  /** The setting, option, argument or file at fault, in the reader's own words: `batchSize`, `--batch-size`, a path. */
  readonly setting: string;
  /** What is allowed there: "a whole number from 1 to 65536". */
  readonly expected: string;
  /** What was there instead. */
  readonly found: string;
  /** What to do about it. */
  readonly remedy?: string | undefined;
}

/**
 * The base of all errors that Elbow throws on purpose, with its fault as data and as a message:
 * `setting: expected …, found …; remedy`. Anything else that is thrown, except the reason of an `AbortSignal` that the
 * caller gave, is a bug.
 */
export abstract class ElbowError extends Error {
  /** What the message says, as data. */
  readonly fault: Fault;

  constructor(fault: Fault, options?: ErrorOptions) {
    const { setting, expected, found, remedy } = fault;
    super(`${setting}: expected ${expected}, found ${found}${remedy ? `; ${remedy}` : ""}`, options);
    this.fault = fault;
  }

  /** Each class spells it out, because a minifier renames classes. */
  abstract override get name(): string;
}

/**
 * The same error with another name for the setting, say, or another remedy.
 *
 * @internal
 */
export function retold<E extends ElbowError>(error: E, change: Partial<Fault>): E {
  const Kind = error.constructor as new (fault: Fault, options?: ErrorOptions) => E;
  return new Kind({ ...error.fault, ...change }, { cause: error.cause ?? error });
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
