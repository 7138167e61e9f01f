const LIMIT = 60;

/**
 * Escapes foreign text for one line of an error message: control characters, line separators, lone surrogates, quotes
 * and backslashes, so that a hostile file can neither forge lines nor steer a terminal.
 */
export function escapeText(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}"\\]/gu, (c) =>
    c === '"' || c === "\\" ? `\\${c}` : `\\u{${c.codePointAt(0)!.toString(16)}}`,
  );
}

/** Quotes foreign text for one line of an error message, escaped and cut at 60 characters. */
export function quote(text: string): string {
  return `"${escapeText(text.length > LIMIT ? `${text.slice(0, LIMIT)}…` : text)}"`;
}

/** As `quote`, but leaves text alone that needs no change. */
export function quoteIfNeeded(text: string): string {
  const quoted = quote(text);
  return quoted === `"${text}"` ? text : quoted;
}

/**
 * Describes a JSON value of unknown kind for one line of an error message. It looks one level deep: a hostile file can
 * nest lists until a recursion runs out of stack.
 */
export function describe(value: unknown): string {
  if (!Array.isArray(value)) return describeShallow(value);
  return value.length > 8 ? describeShallow(value) : `[${value.map(describeShallow).join(", ")}]`;
}

function describeShallow(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return value === undefined ? "nothing" : String(value);
}

/**
 * What steers a terminal: control characters, line separators, lone surrogates, and overrides of the direction of text.
 * Other format characters, such as the joiner of an emoji or of Persian, are a part of names.
 */
export const STEERING = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu;

/** Escapes what would steer a terminal in a line that is shown. */
export function printable(line: string): string {
  return line.replace(STEERING, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}

/** The same for a line of JSON, which stays JSON: there it can only be inside a text. */
export function printableJson(json: string): string {
  return json.replace(STEERING, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Quotes a path for a shell, if needed. A shell word cannot be an option, and has no control characters. */
export function shellWord(path: string): string {
  if (path.startsWith("-")) return shellWord(`./${path}`);
  if (/^[\w./~+:@%-]+$/.test(path)) return path;
  if (printable(path) === path) return `'${path.replaceAll("'", "'\\''")}'`;
  return `$'${path.replaceAll(/[\\']/g, "\\$&").replace(STEERING, hexBytes)}'`;
}

function hexBytes(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
