/** Lines for people and for programs. */
import { readFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import process from "node:process";
import { styleText } from "node:util";
import { printable, printableJson } from "../codecs/quote.ts";
import { ConfigError, FileError } from "../errors.ts";
import { expectWritable, type WriteOptions, writeError, writeWhole } from "../files/file-node.ts";
import { EXIT } from "./fail.ts";
import type { OutputFlags } from "./options.ts";

/** A line on stdout. It may have names from files, which must not steer the terminal. */
export function print(line: string, style?: "bold" | "dim"): void {
  const text = printable(line);
  process.stdout.write(`${style ? styleText(style, text, { stream: process.stdout }) : text}\n`);
}

/** A line on stderr, for what is no result. */
export function note(line: string): void {
  process.stderr.write(`${printable(line)}\n`);
}

/** A line of JSON on stdout. */
export function printJson(value: object): void {
  print(printableJson(JSON.stringify(value)));
}

let readerGone: () => void = () => process.exit();

/**
 * Sets what to do when the reader of stdout closes it (`elbow info … | head -1`). By default the process ends silently;
 * a command with work to save sets its own.
 */
export function whenReaderGone(action: () => void): void {
  readerGone = action;
}

/** Without this, a closed pipe or a full disk under stdout would be an uncaught error. The latter is said once. */
export function watchReader(): void {
  let said = false;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE" && !said) {
      said = true;
      note(`elbow: ${writeError("stdout", error).message}`);
      process.once("exit", () => {
        process.exitCode = EXIT.failure;
      });
    }
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
function expectEnding(path: string, ...endings: readonly string[]): void {
  if (endings.includes(extname(path).toLowerCase())) return;
  const expected = `a file name that ends in ${endings.filter(Boolean).join(" or ")}`;
  throw new ConfigError({ setting: "-o", expected, found: path });
}

/**
 * Refuses a file that `-o` would replace, before any work is done. Pipes and devices (`/dev/stdout`) are written to.
 *
 * @throws {FileError} when a file is there and `--overwrite` is not given
 */
export async function expectFreeFile(path: string, { overwrite = false }: Pick<OutputFlags, "overwrite">) {
  const there = await stat(path).catch(() => undefined);
  if (!there?.isFile() || overwrite) return;
  const remedy = "choose another -o or replace it with --overwrite";
  throw new FileError({ setting: path, expected: "no file", found: "one", remedy });
}

/**
 * The same for a file that must have one of these endings.
 *
 * @throws {ConfigError} when the name has another
 * @throws {FileError} also when the system would refuse to write it
 */
export async function expectOutput(flags: OutputFlags, ...endings: readonly string[]): Promise<void> {
  await expectWritable(flags.output);
  expectEnding(flags.output, ...endings);
  await expectFreeFile(flags.output, flags);
}

/**
 * Writes a file of `-o`. What has appeared there since it was found free is not replaced either.
 *
 * @throws {FileError} when it has, or the system refuses
 */
export async function writeOutput(
  { output, overwrite = false }: OutputFlags,
  contents: Uint8Array | string,
  options: WriteOptions = {},
): Promise<void> {
  await writeWhole(output, contents, { ...options, exclusive: !overwrite });
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
