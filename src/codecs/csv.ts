import { ConfigError } from "../errors.ts";

export interface CsvOptions {
  /** One name per column. */
  readonly columns: readonly string[];
  /** One per row, written as a first column named `label`. */
  readonly labels?: ArrayLike<number>;
}

/**
 * Writes a matrix as comma-separated values: a line of names, then a line per row. Numbers have the fewest digits that
 * read back as the same float32, or float64.
 *
 * @param values [rows, columns.length], row-major
 * @throws {ConfigError} when the values are not whole rows or the labels are not one per row
 */
export function serializeCsv(values: Float32Array | Float64Array, { columns, labels }: CsvOptions): string {
  const cols = columns.length;
  if (cols === 0 || values.length % cols !== 0) {
    const fault = { expected: `whole rows of ${cols} columns`, found: `${values.length} values` };
    throw new ConfigError({ setting: "values", ...fault, remedy: "pass rows × columns values" });
  }
  const rows = values.length / cols;
  if (labels !== undefined && labels.length !== rows) {
    const fault = { setting: "labels", expected: `${rows} labels`, found: `${labels.length}` };
    throw new ConfigError({ ...fault, remedy: "pass one label per row" });
  }
  const names = labels === undefined ? columns : ["label", ...columns];
  const write = values instanceof Float64Array ? shortestFloat64 : shortestFloat32;
  const lines = [names.map(csvField).join(",")];
  for (let row = 0; row < rows; row++) {
    const cells = Array.from(values.subarray(row * cols, (row + 1) * cols), write);
    if (labels !== undefined) cells.unshift(String(labels[row]));
    lines.push(cells.join(","));
  }
  return `${lines.join("\n")}\n`;
}

/**
 * The fewest digits that read back as the same float32. A float32 keeps any six digits (C's FLT_DIG), so shorter
 * numbers end in zeros at six; nine digits are always enough.
 */
export function shortestFloat32(value: number): string {
  if (Object.is(value, -0)) return "-0";
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return String(shorter);
  }
  return Number.isFinite(value) ? String(Number(value.toPrecision(9))) : String(value);
}

function shortestFloat64(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** RFC 4180: a field with a comma, a quote or a line break is quoted, its own quotes doubled. */
function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
