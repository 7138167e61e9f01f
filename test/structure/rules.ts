import { isBuiltin } from "node:module";
import type { Edge, Sources } from "./imports.ts";

/** The house's rules. Each function returns one sentence for every breach, none where the rule is kept. */

interface Room {
  readonly name: string;
  readonly floor: number;
}

const FOLDERS: ReadonlyMap<string, number> = new Map([
  ["src/files", 1],
  ["src/codecs", 1],
  ["src/random", 1],
  ["src/wasm", 1],
  ["src/data", 2],
  ["src/model", 2],
  ["src/formats", 3],
  ["src/train", 3],
  ["src/runs", 4],
  ["src/report", 5],
  ["src/cli", 7],
  ["web", 7],
]);

/** What people import, and what these files share: above all that they gather, below the command and the page. */
const ENTRIES: Room = { name: "the entries", floor: 6 };
const ENTRY_FILES = new Set(["src/index.ts", "src/node.ts", "src/edge.ts", "src/library.ts", "src/tools.ts"]);

/** AssemblyScript is another language: the kernels and TypeScript share one module, which both compilers read. */
const KERNELS = "assembly";
const LAYOUT = "src/wasm/layout.ts";

function roomOf(path: string): Room | undefined {
  if (path === "src/errors.ts") return { name: path, floor: 0 };
  if (ENTRY_FILES.has(path)) return ENTRIES;
  if (path.startsWith(`${KERNELS}/`)) return { name: KERNELS, floor: 0 };
  for (const [name, floor] of FOLDERS) if (path.startsWith(`${name}/`)) return { name, floor };
  return undefined;
}

/** Every file stands on a floor. */
export function homeless(sources: Sources): string[] {
  return [...sources.keys()].filter((path) => !roomOf(path)).map((path) => `${path} stands on no floor`);
}

/** A file imports from its own room or from a lower floor; kernels import kernels and the layout, and only kernels import kernels. */
export function upwardImports(edges: readonly Edge[], sources: Sources): string[] {
  return edges.flatMap((edge) => {
    const { from, to, specifier } = edge;
    const here = roomOf(from);
    if (specifier === undefined) return [`${from} imports something that only a run can tell`];
    if (to === undefined) {
      return here?.name === KERNELS ? [`${from} imports ${specifier}, and kernels import kernels only`] : [];
    }
    if (!sources.has(to)) return [`${from} imports ${specifier}, which is no file here`];
    const there = roomOf(to);
    if (!here || !there) return [`${from} imports ${to}, and one of them stands on no floor`];
    if (here.name === there.name || (here.name === KERNELS && to === LAYOUT)) return [];
    if (here.name === KERNELS || there.name === KERNELS) return [`${from} imports ${to} across languages`];
    if (there.floor < here.floor) return [];
    return [`${from} (floor ${here.floor}) imports ${to} (floor ${there.floor})`];
  });
}

/** Files that import each other in a circle, types included. A worker's URL is not an import of its module. */
export function circles(edges: readonly Edge[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to, kind } of edges) {
    if (to !== undefined && kind !== "url") next.set(from, [...(next.get(from) ?? []), to]);
  }
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path].join(" → "));
    if (start >= 0 || done.has(path)) return;
    for (const to of next.get(path) ?? []) visit(to, [...trail, path]);
    done.add(path);
  };
  for (const path of next.keys()) visit(path, []);
  return found;
}

function mayUseNode(path: string): boolean {
  return path.endsWith("-node.ts") || path === "src/node.ts" || path.startsWith("src/cli/");
}

/** Node's own modules are imported where the file's name says so. */
export function strayNodeImports(edges: readonly Edge[]): string[] {
  return edges
    .filter(({ from, specifier }) => specifier !== undefined && isBuiltin(specifier) && !mayUseNode(from))
    .map(({ from, specifier }) => `${from} imports ${specifier}`);
}

/** Files for Node that an entry loads at once, directly or through others: it could not start anywhere else. */
export function nodeFilesLoadedBy(entry: string, edges: readonly Edge[]): string[] {
  const reached = new Set([entry]);
  for (const path of reached) {
    for (const { from, to, kind } of edges) {
      if (from === path && to !== undefined && kind === "static") reached.add(to);
    }
  }
  return [...reached].filter(mayUseNode).map((path) => `${entry} loads ${path}`);
}

export const MOST_LINES = 350;

/** A longer file is two ideas sharing a room. */
export function longFiles(sources: Sources): string[] {
  return [...sources].flatMap(([path, source]) => {
    const lines = source.split("\n").length - (source.endsWith("\n") ? 1 : 0);
    return lines > MOST_LINES ? [`${path} has ${lines} lines`] : [];
  });
}
