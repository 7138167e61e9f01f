/** Settings as data: what is allowed, and the default. Checks, files, options and help texts derive from it. */

import { describe, quoteIfNeeded } from "../codecs/quote.ts";
import { ConfigError } from "../errors.ts";

export interface Setting<T> {
  /** What is allowed: "a whole number from 1 to 65536". */
  readonly expected: string;
  /** The same in short, for a help text: "from 1 to 65536". */
  readonly range?: string;
  readonly accepts: (value: unknown) => boolean;
  readonly default: T | undefined;
}

/** The settings of `T`, by their keys. */
export type Settings<T> = { readonly [K in keyof T]-?: Setting<T[K]> };

export function wholeNumber(least: number, most: number, otherwise?: number): Setting<number> {
  const range = `from ${least} to ${most}`;
  const accepts = (value: unknown): boolean =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  return { expected: `a whole number ${range}`, range, accepts, default: otherwise };
}

export function positiveNumber(otherwise: number): Setting<number> {
  const accepts = (value: unknown): boolean => Number.isFinite(value) && (value as number) > 0;
  return { expected: "a number above 0", range: "above 0", accepts, default: otherwise };
}

/** The names of a table's entries. */
export function namesOf<T extends object>(table: T): readonly (keyof T & string)[] {
  return Object.keys(table) as (keyof T & string)[];
}

export function oneOf<T extends string>(names: readonly T[], otherwise?: T): Setting<T> {
  const range = `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
  return { expected: range, range, accepts: (value) => names.includes(value as T), default: otherwise };
}

/** @param expected includes how many items there may be: `count` accepts their number. */
export function listOf<T>(
  item: Setting<T>,
  count: Setting<number>["accepts"],
  expected: string,
  otherwise?: readonly T[],
): Setting<readonly T[]> {
  const accepts = (value: unknown): boolean =>
    Array.isArray(value) && count(value.length) && Array.from(value).every(item.accepts);
  return { expected, accepts, default: otherwise };
}

/**
 * A setting's value, or its default where the value is null or undefined. A list is copied.
 *
 * @param whole no default, as in a file
 * @throws {ConfigError} when the value is not allowed
 */
export function checkSetting<T>(key: string, setting: Setting<T>, value: unknown, whole = false): T {
  const chosen = value ?? (whole ? undefined : setting.default);
  if (setting.accepts(chosen)) return (Array.isArray(chosen) ? [...chosen] : chosen) as T;
  throw refused(key, setting.expected, value);
}

export function refused(setting: string, expected: string, value: unknown): ConfigError {
  const found = value === undefined ? "nothing" : describe(value);
  return new ConfigError({ setting, expected, found });
}

/**
 * Every setting of a table; other keys are ignored.
 *
 * @throws {ConfigError} when a value is not allowed
 */
export function checkSettings<T>(
  settings: Settings<T>,
  given: Partial<Record<keyof T, unknown>>,
  whole = false,
): T {
  const keys = Object.keys(settings) as (keyof T & string)[];
  const entries = keys.map((key) => [key, checkSetting(key, settings[key], given[key], whole)]);
  return Object.fromEntries(entries) as T;
}

/** An object without the keys whose value is undefined. */
export function defined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}

export function defaultsOf<T>(settings: Settings<T>): Partial<T> {
  const entries = Object.entries<Setting<unknown>>(settings).map(([key, setting]) => [key, setting.default]);
  return defined(Object.fromEntries(entries)) as Partial<T>;
}

/** Those values of a table's settings that are there. */
export function pickSettings<T>(settings: Settings<T>, values: Partial<T>): Partial<T> {
  const entries = Object.entries(values).filter(([key]) => Object.hasOwn(settings, key));
  return defined(Object.fromEntries(entries)) as Partial<T>;
}

/**
 * A misspelt setting would silently be its default.
 *
 * @throws {ConfigError} when there is another key than the known ones
 */
export function expectKnown(what: string, settings: object, known: readonly string[]): void {
  const unknown = Object.keys(settings).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const expected = `one of ${what} (${known.join(", ")})`;
  throw new ConfigError({ setting: quoteIfNeeded(unknown), expected, found: "an unknown name" });
}
