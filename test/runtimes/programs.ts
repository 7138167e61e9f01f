import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";
import type { Engine } from "./engines.ts";

const LONGEST_MS = 120_000;
const MOST_BYTES = 2 ** 24;

/** Runs a program; gives what it printed. An error has its standard error in the message. */
export async function run(
  binary: string,
  args: readonly string[],
  { cwd, env = {} }: { cwd: string; env?: Record<string, string> },
): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(binary, args, {
      maxBuffer: MOST_BYTES,
      timeout: LONGEST_MS,
      cwd,
      env: { ...process.env, ...env },
    });
    return stdout;
  } catch (error) {
    // without what it printed, which may be megabytes
    throw new Error(error instanceof Error ? error.message : String(error));
  }
}

/** Runs a JavaScript file. */
export function runFile({ binary, args }: Engine, file: string, cwd: string): Promise<string> {
  return run(binary, [...args, file], { cwd });
}
