import { FileError } from "../../src/errors.ts";

/** The error with which the system, or we, refused a file; anything else that happens is thrown. */
export async function refusalOf(attempt: Promise<unknown>): Promise<FileError> {
  const error: unknown = await attempt.then(
    () => new Error("It worked."),
    (reason) => reason,
  );
  if (!(error instanceof FileError)) throw error;
  return error;
}
