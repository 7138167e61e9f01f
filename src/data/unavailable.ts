import { DataError } from "../errors.ts";

/** A named dataset is not on this machine and cannot be downloaded. */
export class DataUnavailableError extends DataError {
  override get name(): string {
    return "DataUnavailableError";
  }
}
