import { DataError } from "../errors.ts";

/** A dataset asked for by name is not on this machine and could not be downloaded either. */
export class DataUnavailableError extends DataError {
  override get name(): string {
    return "DataUnavailableError";
  }
}
