import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";
import type { Engine } from "./engines.ts";

const LONGEST_MS = 120_000;
const MOST_BYTES = 2 ** 24;
const MOST_SHOWN = 2000;

/** Runs a program; gives what it printed. An error's message has its standard error and the end of what it printed. */
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
    const { message, stdout = "" } = error as Error & { stdout?: string };
    throw new Error(`${message}\n${stdout.slice(-MOST_SHOWN)}`);
  }
}

/** Runs a JavaScript file. */
export function runFile({ binary, args }: Engine, file: string, cwd: string): Promise<string> {
  return run(binary, [...args, file], { cwd });
}
