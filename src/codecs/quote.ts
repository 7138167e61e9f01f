const LIMIT = 60;

/**
 * A piece of a file's own text, fit for one line of an error message: in quotes, cut at 60 characters, and with every
 * control character, line separator and lone surrogate spelled out, so that a hostile file cannot forge lines or send
 * escape sequences to a terminal.
 */
export function quote(text: string): string {
  const cut = text.length > LIMIT ? `${text.slice(0, LIMIT)}…` : text;
  const safe = cut.replace(/[\p{C}\p{Zl}\p{Zp}"\\]/gu, (c) =>
    c === '"' || c === "\\" ? `\\${c}` : `\\u{${c.codePointAt(0)!.toString(16)}}`,
  );
  return `"${safe}"`;
}

/** The same, but without quotes where it needs none. */
export function quoteIfNeeded(text: string): string {
  const quoted = quote(text);
  return quoted === `"${text}"` ? text : quoted;
}

/**
 * A JSON value of unknown kind, fit for one line of an error message. Looks one level deep and no further: a hostile file
 * can nest lists until a recursion runs out of stack.
 */
export function describe(value: unknown): string {
  if (!Array.isArray(value)) return describeShallow(value);
  return value.length > 8 ? describeShallow(value) : `[${value.map(describeShallow).join(", ")}]`;
}

function describeShallow(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  return value === undefined ? "missing" : String(value);
}

/** A path as it can be pasted into a shell. */
export function shellWord(path: string): string {
  return /^[\w./~+:@%-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
