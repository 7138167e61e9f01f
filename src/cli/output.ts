/** Lines for people and for programs. */
import { readFileSync } from "node:fs";
import { extname } from "node:path";
import process from "node:process";
import { ConfigError } from "../errors.ts";

/** A line on stdout. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A line on stderr, for what is no result. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A line of JSON on stdout. */
export function printJson(value: object): void {
  print(JSON.stringify(value));
}

let readerGone: () => void = () => process.exit();

/**
 * Sets what to do when the reader of stdout closes it (`elbow info … | head -1`). By default the process ends silently;
 * a command with work to save sets its own.
 */
export function whenReaderGone(action: () => void): void {
  readerGone = action;
}

/** Without this, a closed pipe would be an uncaught error. */
export function watchReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    readerGone();
  });
}

let version: string | undefined;

/** The package's version. package.json is two folders above, in a checkout and in the package. */
export function elbowVersion(): string {
  if (version === undefined) {
    const url = new URL("../../package.json", import.meta.url);
    version = String((JSON.parse(readFileSync(url, "utf8")) as { version: unknown }).version);
  }
  return version;
}

/** How the user calls this command: it is on the PATH only if the package is installed globally. */
export function commandName(): string {
  const fromSource = import.meta.url.endsWith(".ts");
  return fromSource || process.env.npm_command === "exec" ? "npx elbow" : "elbow";
}

/** `1 epoch`, `2 epochs` */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/**
 * Refuses a file name before any work is done for it.
 *
 * @throws {ConfigError} when `-o` has another ending, which would mislead or replace another kind of file
 */
export function expectEnding(path: string, ...endings: readonly string[]): void {
  if (endings.includes(extname(path).toLowerCase())) return;
  const expected = `a file name that ends in ${endings.filter(Boolean).join(" or ")}`;
  throw new ConfigError({ setting: "-o", expected, found: path });
}

/** The lines of a table with aligned columns; `right` lists the columns that are aligned to the right. */
export function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
}
