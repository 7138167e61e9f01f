import { FormatError } from "../errors.ts";
import { describe, quoteIfNeeded } from "./quote.ts";

/** Shown to people, so nothing in it may steer a terminal. */
function isLine(value: unknown): value is string {
  return typeof value === "string" && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(value);
}

/** An object of a JSON file that people may have edited: every fault names the file, the key, and what was found. */
export class JsonReader {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #file: string;
  readonly #path: string;

  private constructor(value: unknown, file: string, path: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      const what = path === "" ? "a JSON object was expected" : `${path} should be an object`;
      throw new FormatError(`${file}: ${what} but is ${describe(value)}.`);
    }
    this.#values = new Map<string, unknown>(Object.entries(value));
    this.#file = file;
    this.#path = path === "" ? "" : `${path}.`;
  }

  /** @param file what to call it in errors */
  static parse(text: string, file: string): JsonReader {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new FormatError(`${file}: a JSON object was expected, but this is not JSON.`, { cause });
    }
    return new JsonReader(value, file, "");
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  object(key: string): JsonReader {
    return new JsonReader(this.#values.get(key), this.#file, this.#path + key);
  }

  text(key: string): string {
    const value = this.#values.get(key);
    if (isLine(value)) return value;
    throw this.#fault(key, "a line of text");
  }

  /** All keys, each with a text. */
  texts(): Record<string, string> {
    const keys = [...this.#values.keys()];
    const odd = keys.find((key) => !isLine(key));
    if (odd !== undefined) throw this.#fault(odd, "missing: its name is no line of text");
    return Object.fromEntries(keys.map((key) => [key, this.text(key)]));
  }

  wholeNumber(key: string): number {
    const value = this.#values.get(key);
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.#fault(key, "a whole number, 0 or more");
  }

  /** Height and width. */
  pair(key: string): readonly [number, number] {
    const value = this.#values.get(key);
    if (Array.isArray(value) && value.length === 2) {
      const [a, b] = value as unknown[];
      if (Number.isSafeInteger(a) && Number.isSafeInteger(b)) return [a as number, b as number];
    }
    throw this.#fault(key, "two whole numbers");
  }

  /** These keys, each with a number, a text or a list of such; more than that is for others to check. */
  settings(keys: readonly string[]): Record<string, unknown> {
    const settings: Record<string, unknown> = {};
    for (const key of keys) {
      const value = this.#values.get(key);
      const items = Array.isArray(value) ? (value as unknown[]) : [value];
      if (items.some((item) => typeof item !== "number" && typeof item !== "string")) {
        throw this.#fault(key, "a setting");
      }
      settings[key] = value;
    }
    return settings;
  }

  #fault(key: string, expected: string): FormatError {
    const found = describe(this.#values.get(key));
    return new FormatError(
      `${this.#file}: ${this.#path}${quoteIfNeeded(key)} should be ${expected} but is ${found}.`,
    );
  }
}
