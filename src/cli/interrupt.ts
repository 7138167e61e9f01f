import process from "node:process";
import { EXIT } from "./fail.ts";
import { note, whenReaderGone } from "./output.ts";

/** A terminal or `timeout` may send one request to the process and to its group. */
const SAME_REQUEST_MS = 500;

/** Ctrl-C, a request to end, and a terminal that closes. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface Interrupts {
  /** Aborted at the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** Restores the usual meaning of Ctrl-C. */
  release(): void;
}

/**
 * From now on Ctrl-C (also SIGTERM, SIGHUP, and a stdout that takes no more) aborts the signal. A second Ctrl-C, half a
 * second later or more, ends the process at once.
 */
export function catchInterrupts(): Interrupts {
  const controller = new AbortController();
  let first = 0;
  const interrupt = (): void => {
    if (!controller.signal.aborted) {
      first = performance.now();
      controller.abort();
    } else if (performance.now() - first > SAME_REQUEST_MS) {
      note("elbow: stopped at once, with what was saved before");
      process.exit(EXIT.interrupted);
    }
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
