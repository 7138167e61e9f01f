import { readFileSync } from "node:fs";
import { type ESTree, parseSync, Visitor } from "vite";

/** What a module of JavaScript says in code, which its comments and messages may say without harm. */
export interface Spoken {
  /** What it imports, `import()` included; "?" where only a run can tell. */
  readonly imports: readonly string[];
  /** What it calls or makes by a name: `eval`, `Function`, `WebAssembly.compile`, … */
  readonly calls: readonly string[];
}

export function spokenIn(code: string): Spoken {
  const imports: string[] = [];
  const calls: string[] = [];
  const importFrom = ({ source }: { source: ESTree.Expression | null }): void => {
    if (source) imports.push(source.type === "Literal" ? String(source.value) : "?");
  };
  const call = ({ callee }: { callee: ESTree.Expression }): void => {
    calls.push(nameOf(callee));
  };
  new Visitor({
    ImportDeclaration: importFrom,
    ExportNamedDeclaration: importFrom,
    ExportAllDeclaration: importFrom,
    ImportExpression: importFrom,
    CallExpression: call,
    NewExpression: call,
  }).visit(parseSync("module.js", code).program);
  return { imports, calls };
}

function nameOf(callee: ESTree.Expression): string {
  if (callee.type === "Identifier") return callee.name;
  if (callee.type !== "MemberExpression") return "?";
  const { object, property } = callee;
  const member =
    property.type === "Identifier" || property.type === "PrivateIdentifier" ? property.name : "?";
  return `${nameOf(object as ESTree.Expression)}.${member}`;
}

/** A module and all that it imports, by their addresses; packages are named but not followed. */
export function graphOf(entry: URL): ReadonlyMap<string, Spoken> {
  const found = new Map<string, Spoken>();
  const waiting = [entry];
  for (let url = waiting.pop(); url; url = waiting.pop()) {
    if (found.has(url.href)) continue;
    const spoken = spokenIn(readFileSync(url, "utf8"));
    found.set(url.href, spoken);
    for (const name of spoken.imports) if (name.startsWith(".")) waiting.push(new URL(name, url));
  }
  return found;
}
