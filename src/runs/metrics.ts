/**
 * metrics.jsonl: a line for each epoch.
 *
 * metrics.jsonl is meant to be written anew after each epoch, from all epochs so far and through `writeWhole`, not
 * appended to. It is a few hundred bytes an epoch, so that costs nothing; a crash or a full disk in the middle then leaves
 * the previous epoch's file and never half a line; and a resumed run drops the epochs that its checkpoint has not seen.
 */
import { ConfigError, FormatError } from "../errors.ts";
import type { EpochMetrics } from "../train/metrics.ts";

/** The keys in the order in which they are written. */
const KEYS = [
  "epoch",
  "trainLoss",
  "trainReconstruction",
  "trainKl",
  "testLoss",
  "testReconstruction",
  "testKl",
  "seconds",
  "imagesPerSecond",
] as const satisfies ReadonlyArray<keyof EpochMetrics>;

const NULLABLE: ReadonlySet<string> = new Set(["testLoss", "testReconstruction", "testKl"]);

/**
 * One line of metrics.jsonl, without its line break: numbers in full, keys in a fixed order.
 *
 * @throws ConfigError if a number is not finite; JSON could not carry it.
 */
export function metricsLine(metrics: EpochMetrics): string {
  for (const key of KEYS) {
    const value = metrics[key];
    if (value !== null && !Number.isFinite(value)) {
      throw new ConfigError(`The metrics of epoch ${metrics.epoch} cannot be written: ${key} is ${value}.`);
    }
  }
  return JSON.stringify(metrics, [...KEYS]);
}

/** All of metrics.jsonl. */
export function serializeMetrics(epochs: Iterable<EpochMetrics>): string {
  return Array.from(epochs, (metrics) => `${metricsLine(metrics)}\n`).join("");
}

/**
 * Reads metrics.jsonl. Keys that are not known are passed over.
 *
 * @param name what to call the file in errors: its path.
 * @throws FormatError, one line, that gives the line's number and what was expected there.
 */
export function parseMetrics(text: string, name: string): EpochMetrics[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  let previous = 0;
  return lines.map((line, i) => {
    const metrics = parseLine(line, `${name}: line ${i + 1}`);
    if (!Number.isSafeInteger(metrics.epoch) || metrics.epoch <= previous) {
      throw new FormatError(
        `${name}: line ${i + 1}: epoch should be a whole number above ${previous} but is ${metrics.epoch}.`,
      );
    }
    previous = metrics.epoch;
    return metrics;
  });
}

function parseLine(line: string, where: string): EpochMetrics {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new FormatError(`${where}: a JSON object was expected, but this is not JSON.`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FormatError(`${where}: a JSON object was expected, but this is something else.`);
  }
  const found = new Map<string, unknown>(Object.entries(value));
  const number = (key: keyof EpochMetrics): number => {
    const given = found.get(key);
    if (typeof given === "number" && Number.isFinite(given)) return given;
    const what = given === undefined ? "missing" : given === null ? "null" : `a ${typeof given}`;
    throw new FormatError(`${where}: ${key} should be a number but is ${what}.`);
  };
  const orNull = (key: keyof EpochMetrics): number | null =>
    NULLABLE.has(key) && found.get(key) === null ? null : number(key);
  return {
    epoch: number("epoch"),
    trainLoss: number("trainLoss"),
    trainReconstruction: number("trainReconstruction"),
    trainKl: number("trainKl"),
    testLoss: orNull("testLoss"),
    testReconstruction: orNull("testReconstruction"),
    testKl: orNull("testKl"),
    seconds: number("seconds"),
    imagesPerSecond: number("imagesPerSecond"),
  };
}
