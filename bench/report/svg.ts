/** Enough SVG for two plots: text, lines, dots, on white so that it reads on any page. */

export const INK = "#222";
export const FAINT = "#bbb";
export const OURS = "#c2410c";
export const THEIRS = "#475569";

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

export function text(
  x: number,
  y: number,
  content: string,
  { anchor = "start", fill = INK, bold = false }: { anchor?: string; fill?: string; bold?: boolean } = {},
): string {
  const weight = bold ? ' font-weight="600"' : "";
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${fill}"${weight}>${escaped(content)}</text>`;
}

export type Point = readonly [x: number, y: number];

export function line(from: Point, to: Point, stroke: string, width = 1, dash = ""): string {
  const [x1, y1, x2, y2] = [...from, ...to].map((value) => value.toFixed(1));
  const dashes = dash ? ` stroke-dasharray="${dash}"` : "";
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${stroke}" stroke-width="${width}"${dashes}/>`;
}

export function dot(x: number, y: number, fill: string, radius = 5): string {
  return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius}" fill="${fill}"/>`;
}

export function picture(width: number, height: number, title: string, shapes: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    `  font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="${escaped(title)}">`,
    `<rect width="${width}" height="${height}" rx="8" fill="#fff"/>`,
    text(20, 28, title, { bold: true }),
    ...shapes,
    "</svg>\n",
  ].join("\n");
}
