import process from "node:process";
import { EXIT } from "./fail.ts";
import { whenReaderGone } from "./output.ts";

export interface Interrupts {
  /** Aborted at the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Restores the usual meaning of Ctrl-C. */
  release(): void;
}

/**
 * From now on Ctrl-C (SIGINT; also SIGTERM, and a reader that closes the pipe) aborts the signal. The second Ctrl-C ends
 * the process at once.
 */
export function catchInterrupts(): Interrupts {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  whenReaderGone(() => controller.abort());
  return {
    signal: controller.signal,
    release() {
      process.off("SIGINT", interrupt);
      process.off("SIGTERM", interrupt);
    },
  };
}
