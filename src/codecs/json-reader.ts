import { FormatError } from "../errors.ts";
import { describe, quoteIfNeeded } from "./quote.ts";

/** What a value may be. */
interface Kind {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
}

/** Shown to people, so nothing in it may steer a terminal. */
function isLine(value: unknown): value is string {
  return typeof value === "string" && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(value);
}

const LINE: Kind = { expected: "a line of text", accepts: isLine };

/** An object of a JSON file that people may have edited: every fault names the file, the key, and what was found. */
export class JsonReader {
  /** Own keys only, whatever they are called. */
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #where: string;

  private constructor(value: unknown, setting: string, inside: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new FormatError({ setting, expected: "a JSON object", found: describeFound(value) });
    }
    this.#values = new Map<string, unknown>(Object.entries(value));
    this.#where = inside;
  }

  /** @param file what to call it in errors: its path. */
  static parse(text: string, file: string): JsonReader {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new FormatError({ setting: file, expected: "a JSON object", found: "no JSON" }, { cause });
    }
    return new JsonReader(value, file, `${file}: `);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  object(key: string): JsonReader {
    return new JsonReader(this.#values.get(key), this.#where + key, `${this.#where}${key}.`);
  }

  value<T>(key: string, { expected, accepts }: Kind): T {
    const value = this.#values.get(key);
    if (accepts(value)) return value as T;
    const setting = this.#where + quoteIfNeeded(key);
    throw new FormatError({ setting, expected, found: describeFound(value) });
  }

  text(key: string): string {
    return this.value(key, LINE);
  }

  /** All keys, each with a text. */
  texts(): Record<string, string> {
    const keys = [...this.#values.keys()];
    const odd = keys.find((key) => !isLine(key));
    if (odd === undefined) return Object.fromEntries(keys.map((key) => [key, this.text(key)]));
    const setting = this.#where + quoteIfNeeded(odd);
    throw new FormatError({ setting, expected: "a name that is a line of text", found: "another" });
  }

  /** All keys and values, for others to check. */
  values(): Record<string, unknown> {
    return Object.fromEntries(this.#values);
  }
}

function describeFound(value: unknown): string {
  return value === undefined ? "nothing" : describe(value);
}
