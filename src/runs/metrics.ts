/**
 * metrics.jsonl: a line per epoch. The whole file is written again after each epoch, by an atomic write of a few hundred
 * bytes per epoch: a crash leaves the previous epoch's file and no partial line, and a resumed run drops the epochs
 * after its checkpoint.
 */
import { JsonReader } from "../codecs/json-reader.ts";
import { ConfigError, FormatError } from "../errors.ts";
import { expectReadable } from "../formats/metadata.ts";
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
const NUMBER = { expected: "a number", accepts: Number.isFinite };
const NUMBER_OR_NULL = {
  expected: "a number or null",
  accepts: (value: unknown) => value === null || Number.isFinite(value),
};

/**
 * One line of metrics.jsonl, without its line break: numbers in full, keys in a fixed order.
 *
 * @throws {ConfigError} when a number is not finite: JSON cannot hold it
 */
export function metricsLine(metrics: EpochMetrics): string {
  for (const key of KEYS) {
    const value = metrics[key];
    if (value === null || Number.isFinite(value)) continue;
    throw new ConfigError({
      setting: `${key} of epoch ${metrics.epoch}`,
      expected: "a finite number",
      found: `${value}`,
    });
  }
  return JSON.stringify(metrics, [...KEYS]);
}

/**
 * All of metrics.jsonl.
 *
 * @throws {ConfigError} when `parseMetrics` would refuse it
 */
export function serializeMetrics(epochs: Iterable<EpochMetrics>): string {
  let previous = 0;
  const line = (metrics: EpochMetrics): string => {
    expectReadable(() => expectNext(metrics, previous, "the metrics"));
    previous = metrics.epoch;
    return `${metricsLine(metrics)}\n`;
  };
  return Array.from(epochs, line).join("");
}

/** @throws {FormatError} when an epoch does not follow the one before */
function expectNext({ epoch }: EpochMetrics, previous: number, where: string): void {
  if (Number.isSafeInteger(epoch) && epoch > previous) return;
  const expected = `a whole number above ${previous}`;
  throw new FormatError({ setting: `${where}: epoch`, expected, found: `${epoch}` });
}

/**
 * Reads metrics.jsonl. Unknown keys are ignored.
 *
 * @param name what to call the file in errors: its path.
 * @throws {FormatError} when a line is not the metrics of an epoch after the one before
 */
export function parseMetrics(text: string, name: string): EpochMetrics[] {
  const epochs: EpochMetrics[] = [];
  let previous = 0;
  // One by one, not split at once: a file of line breaks would have as many lines as bytes.
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at);
    const line = text.slice(at, end < 0 ? undefined : end);
    at = end < 0 ? text.length : end + 1;
    const where = `${name}: line ${epochs.length + 1}`;
    const reader = JsonReader.parse(line, where);
    const values = KEYS.map((key) => [key, reader.value(key, NULLABLE.has(key) ? NUMBER_OR_NULL : NUMBER)]);
    const metrics = Object.fromEntries(values) as EpochMetrics;
    expectNext(metrics, previous, where);
    previous = metrics.epoch;
    epochs.push(metrics);
  }
  return epochs;
}
