import process from "node:process";
import { EXIT } from "./fail.ts";
import { whenReaderGone } from "./output.ts";

/** Ctrl-C, a request to end, and a terminal that closes. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface Interrupts {
  /** Aborted at the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Restores the usual meaning of Ctrl-C. */
  release(): void;
}

/**
 * From now on Ctrl-C (also SIGTERM, SIGHUP, and a stdout that takes no more) aborts the signal. The second Ctrl-C ends the
 * process at once.
 */
export function catchInterrupts(): Interrupts {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, interrupt);
  whenReaderGone(() => controller.abort());
  return {
    signal: controller.signal,
    release() {
      for (const name of SIGNALS) process.off(name, interrupt);
    },
  };
}
