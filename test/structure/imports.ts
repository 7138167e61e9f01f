import { posix } from "node:path";

/**
 * Reads imports out of source text, without a parser: the formatter puts every static import and export at the start
 * of a line, so patterns suffice, and what they cannot read for certain they report.
 */

/** Source text by its path from the root of the repository, with forward slashes. */
export type Sources = ReadonlyMap<string, string>;

/**
 * `static` and `type` are `import … from` and `export … from`; `type` is erased when the code is built. `dynamic` is
 * `import("…")`, as a call or as a type. `url` is `new URL("…", import.meta.url)`: how a worker is started.
 */
export type ImportKind = "static" | "type" | "dynamic" | "url";

export interface Import {
  readonly kind: ImportKind;
  /** As written; undefined where it is computed, so that nothing can be proven about it. */
  readonly specifier: string | undefined;
}

export interface Edge extends Import {
  readonly from: string;
  /** The imported file, undefined for a package. A path that is not among the sources points at nothing. */
  readonly to: string | undefined;
}

const QUOTED = `["'\`]([^"'\`]+)["'\`]`;
const STATIC = new RegExp(`^(?:import|export)\\s+(type\\s+)?[\\w$*{},\\s]*?\\bfrom\\s*${QUOTED}`, "gm");
const SIDE_EFFECT = new RegExp(`^import\\s*${QUOTED}`, "gm");
const DYNAMIC = new RegExp(`\\bimport\\s*\\(\\s*(?:/\\*.*?\\*/\\s*)?(?:${QUOTED}\\s*[,)])?`, "g");
const URL_OF_MODULE = new RegExp(`\\bnew URL\\(\\s*${QUOTED}\\s*,\\s*import\\.meta\\.url`, "g");

/** Whole lines of comment, which may hold examples with imports in them. */
const COMMENT_LINE = /^[ \t]*(?:\/\/|\/\*|\*).*$/gm;

export function importsOf(source: string): Import[] {
  const code = source.replace(COMMENT_LINE, "");
  return [
    ...[...code.matchAll(STATIC)].map(
      ([, type, specifier]): Import => ({ kind: type ? "type" : "static", specifier }),
    ),
    ...[...code.matchAll(SIDE_EFFECT)].map(([, specifier]): Import => ({ kind: "static", specifier })),
    ...[...code.matchAll(DYNAMIC)].map(([, specifier]): Import => ({ kind: "dynamic", specifier })),
    ...[...code.matchAll(URL_OF_MODULE)].map(([, specifier]): Import => ({ kind: "url", specifier })),
  ];
}

/** What the package's own names stand for. */
const OWN_NAMES: ReadonlyMap<string, string> = new Map([
  ["elbow-vae", "src/index.ts"],
  ["elbow-vae/node", "src/node.ts"],
  ["elbow-vae/edge", "src/edge.ts"],
]);

/** The path that a specifier means, undefined for packages and for what is not code of ours (wasm, JSON, …). */
function resolve(from: string, { kind, specifier }: Import, sources: Sources): string | undefined {
  if (specifier === undefined) return undefined;
  const own = OWN_NAMES.get(specifier);
  if (own) return own;
  if (!specifier.startsWith(".")) return undefined;
  const path = posix.join(posix.dirname(from), specifier);
  // AssemblyScript leaves the extension out; a worker's URL names the file that the build will make.
  const candidates = [path, `${path}.ts`, `${path}/index.ts`, path.replace(/\.js$/, ".ts")];
  const found = candidates.find((candidate) => sources.has(candidate));
  return found ?? (kind === "url" || /\.(?!ts$)\w+$/.test(specifier) ? undefined : path);
}

export function edgesOf(sources: Sources): Edge[] {
  return [...sources].flatMap(([from, source]) =>
    importsOf(source).map((one) => ({ ...one, from, to: resolve(from, one, sources) })),
  );
}
