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

/** Quotes a path for a shell, if needed. */
export function shellWord(path: string): string {
  return /^[\w./~+:@%-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
