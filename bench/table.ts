/** A table as it is printed and as RESULTS.md shows it. The first column, and one without a name, is text. */
export interface Table {
  readonly title: string;
  /** What a reader must know to read it. */
  readonly note?: string | undefined;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Three digits that count. */
export function digits3(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const magnitude = Math.abs(value);
  return value.toFixed(magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3);
}

export function percent(part: number): string {
  return Number.isFinite(part) ? `${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %` : "–";
}

export function microseconds(seconds: number): string {
  return digits3(seconds * 1e6);
}

const WIDTH = 100;

/** Breaks prose at spaces. */
function wrapped(text: string): string {
  const lines: string[] = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line.length + word.length + 1 > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines.join("\n");
}

function isText(columns: readonly string[], index: number): boolean {
  return index === 0 || columns[index] === "";
}

/** The table for a terminal, at most 100 columns wide. */
export function formatTable({ title, note, columns, rows }: Table): string {
  const widths = columns.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (isText(columns, i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("──");
  return [title, ...(note ? [wrapped(note)] : []), "", line(columns), rule, ...rows.map(line), ""].join("\n");
}

/** The table in Markdown. */
export function markdownTable({ columns, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    line(columns),
    line(columns.map((_, i) => (isText(columns, i) ? "---" : "---:"))),
    ...rows.map(line),
  ].join("\n");
}
