import { FormatError } from "../errors.ts";
import { describe, quoteIfNeeded } from "./quote.ts";

/** What a value may be. */
export interface Kind {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
}

/** Any text, such as a name; whoever shows it escapes it. Other readers of JSON refuse lone surrogates. */
export const TEXT: Kind = {
  expected: "well-formed text",
  accepts: (value) => typeof value === "string" && !/\p{Cs}/u.test(value),
};
/** Values can take a hundred times the memory of their text; ours have some kB. */
const MOST_CHARACTERS = 2 ** 16;

/** An object of a JSON file that people may have edited. An error names the file and the key. */
export class JsonReader {
  /** Own keys only, whatever they are called. */
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #where: string;

  /**
   * @param setting what to call the value in errors
   * @param inside what to put before the name of a key
   */
  constructor(value: unknown, setting: string, inside: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new FormatError({ setting, expected: "a JSON object", found: describeFound(value) });
    }
    this.#values = new Map<string, unknown>(Object.entries(value));
    this.#where = inside;
  }

  /** @param file what to call it in errors: its path. */
  static parse(text: string, file: string): JsonReader {
    return new JsonReader(parseJson(text, file), file, `${file}: `);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  value<T>(key: string, { expected, accepts }: Kind): T {
    const value = this.#values.get(key);
    if (accepts(value)) return value as T;
    const setting = this.#where + quoteIfNeeded(key);
    throw new FormatError({ setting, expected, found: describeFound(value) });
  }

  text(key: string): string {
    return this.value(key, TEXT);
  }

  /** All keys and values, for others to check. */
  values(): Record<string, unknown> {
    return Object.fromEntries(this.#values);
  }
}

/** @param setting what to call the text in errors */
export function parseJson(text: string, setting: string): unknown {
  if (text.length > MOST_CHARACTERS) {
    const expected = `at most ${MOST_CHARACTERS} characters of JSON`;
    throw new FormatError({ setting, expected, found: `${text.length}` });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError({ setting, expected: "JSON", found: "another text" }, { cause });
  }
}

function describeFound(value: unknown): string {
  return value === undefined ? "nothing" : describe(value);
}
