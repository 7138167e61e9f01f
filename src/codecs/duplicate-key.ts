/**
 * Finds a key that one object of a JSON text has twice, at any depth. `JSON.parse` silently keeps the last, so two
 * readers could see two different files in the same bytes.
 *
 * @param json valid JSON (`JSON.parse` accepts it): then a string is a key exactly when a colon follows it
 * @returns the first repeated key, or undefined
 */
export function duplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (let i = 0; i < json.length; i++) {
    const char = json[i];
    if (char === "{") open.push(new Set());
    else if (char === "}") open.pop();
    else if (char === '"') {
      const end = closingQuote(json, i);
      if (nextVisible(json, end + 1) === ":") {
        // Parsed, because "a" and "\u0061" are the same key.
        const key = String(JSON.parse(json.slice(i, end + 1)));
        const seen = open.at(-1)!;
        if (seen.has(key)) return key;
        seen.add(key);
      }
      i = end;
    }
  }
  return undefined;
}

/** The index of the quote that closes the string whose opening quote is at `start`. */
function closingQuote(json: string, start: number): number {
  let i = start + 1;
  while (json[i] !== '"') i += json[i] === "\\" ? 2 : 1;
  return i;
}

function nextVisible(json: string, start: number): string | undefined {
  let i = start;
  while (json[i] === " " || json[i] === "\n" || json[i] === "\r" || json[i] === "\t") i++;
  return json[i];
}
