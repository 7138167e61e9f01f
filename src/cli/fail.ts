/** Exit codes and error messages of the command. */
import process from "node:process";
import { styleText } from "node:util";
import { CommanderError } from "commander";
import { printable } from "../codecs/quote.ts";
import { ConfigError, ElbowError, retold } from "../errors.ts";
import { flagOf } from "./options.ts";

export const EXIT = {
  ok: 0,
  failure: 1,
  /** The command line is wrong. */
  usage: 2,
  /** Ctrl-C, as shells count it: 128 + SIGINT. */
  interrupted: 130,
} as const;

/** The user stopped the command before there was anything to save. */
export class InterruptedError extends ElbowError {
  override get name(): string {
    return "InterruptedError";
  }
}

export function exitCodeOf(error: unknown): number {
  // commander also throws after help and version, which are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof ConfigError) return EXIT.usage;
  return error instanceof InterruptedError ? EXIT.interrupted : EXIT.failure;
}

/** Prints an error on one line of stderr, unless the help has been shown for it. Only a bug has a stack trace. */
export function report(error: unknown, hint: string): void {
  if (error instanceof CommanderError && error.code === "commander.help") return;
  const label = styleText("red", "elbow:", { stream: process.stderr });
  process.stderr.write(`${label} ${explain(error, hint)}\n`);
}

/** The message of an error. `hint` leads from a wrong command line to the help. */
export function explain(error: unknown, hint: string): string {
  // commander writes sentences with a label.
  if (error instanceof CommanderError) {
    const message = error.message.replace(/\s*\n\s*/g, " ").trim();
    return `${printable(message.replace(/^error: |\.$/g, ""))}${hint}`;
  }
  if (error instanceof ElbowError) {
    const { setting } = error.fault;
    const flag = flagOf(setting);
    return printable(flag === setting ? error.message : retold(error, { setting: flag }).message);
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `this should not have happened, please report it: ${stack}`;
}

/** The same error with the advice after its own remedy. */
export function withAdvice(error: unknown, advice: string): unknown {
  if (!(error instanceof ElbowError)) return error;
  const { remedy } = error.fault;
  return retold(error, { remedy: remedy ? `${remedy}; ${advice}` : advice });
}
