import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { edgesOf, importsOf, type Sources } from "./imports.ts";
import {
  circles,
  homeless,
  longFiles,
  MOST_LINES,
  nodeFilesLoadedBy,
  strayNodeImports,
  upwardImports,
} from "./rules.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

function read(pattern: string): Sources {
  const paths = globSync(pattern, { cwd: root }).map((path) => path.replaceAll("\\", "/"));
  return new Map(paths.sort().map((path) => [path, readFileSync(`${root}${path}`, "utf8")]));
}

describe("the house as it stands", () => {
  const sources = read("{src,assembly,web}/**/*.ts");
  const edges = edgesOf(sources);

  test("there is something to look at", () => {
    const inside = edges.filter(({ to }) => to !== undefined);
    expect(inside.some(({ from }) => from.startsWith("src/"))).toBe(true);
    expect(inside.some(({ from }) => from.startsWith("assembly/"))).toBe(true);
    // Counted in another way: a file that says `from "./` or `from "../` has at least one edge. (Files in
    // build/ are no sources.)
    for (const [path, source] of sources) {
      const plain = source
        .split("\n")
        .filter((line) => /^(?:import|export|\}) .*from "\.\.?\/(?!\.\.\/build\/)/.test(line));
      const found = inside.filter(({ from }) => from === path);
      expect(found.length, path).toBeGreaterThanOrEqual(plain.length);
    }
  });
  test("every file stands on a floor", () => expect(homeless(sources)).toEqual([]));
  test("imports point downward", () => expect(upwardImports(edges, sources)).toEqual([]));
  test("no imports in a circle", () => expect(circles(edges)).toEqual([]));
  test("Node's modules only where the file's name says so", () =>
    expect(strayNodeImports(edges)).toEqual([]));
  test.each(["src/edge.ts", "src/index.ts"])("%s, for other runtimes, loads nothing of Node's", (entry) => {
    expect(nodeFilesLoadedBy(entry, edges)).toEqual([]);
  });
  test(`no file passes ${MOST_LINES} lines`, () => expect(longFiles(sources)).toEqual([]));
});

describe("the reader of imports", () => {
  test.each([
    ['import { a } from "./a.ts";', "static", "./a.ts"],
    ['import a, { type B } from "./a.ts";', "static", "./a.ts"],
    ['import * as a from "./a.ts";', "static", "./a.ts"],
    ['import {\n  a,\n  b as c,\n} from "./a.ts";', "static", "./a.ts"],
    ['import "./a.ts";', "static", "./a.ts"],
    ['import type { A } from "./a.ts";', "type", "./a.ts"],
    ['export { a } from "./a.ts";', "static", "./a.ts"],
    ['export * from "./a.ts";', "static", "./a.ts"],
    ['export * as a from "./a.ts";', "static", "./a.ts"],
    ['export type { A } from "./a.ts";', "type", "./a.ts"],
    ['const a = await import("./a.ts");', "dynamic", "./a.ts"],
    ['const a = import(/* @vite-ignore */ "./a.ts");', "dynamic", "./a.ts"],
    ['let a: import("./a.ts").A;', "dynamic", "./a.ts"],
    ["const a = await import(name);", "dynamic", undefined],
    ['const a = await import("./a" + name);', "dynamic", undefined],
    ['new Worker(new URL("./a.ts", import.meta.url));', "url", "./a.ts"],
    ['import { readFile } from "node:fs";', "static", "node:fs"],
  ])("sees %s", (source, kind, specifier) => {
    expect(importsOf(`const before = 1;\n${source}\n`)).toEqual([{ kind, specifier }]);
  });

  test.each([
    '// import { a } from "./a.ts";',
    '/**\n * import { a } from "./a.ts";\n * await import("./a.ts")\n */',
    'export const from = "./a.ts";',
    'export function f(): string {\n  return x.from("./a.ts");\n}',
    "const here = import.meta.url;",
  ])("sees nothing in %s", (source) => expect(importsOf(source)).toEqual([]));
});

describe("the rules, on made-up houses", () => {
  const house = (files: Record<string, string>): Sources => new Map(Object.entries(files));
  const upward = (files: Record<string, string>): string[] => {
    const sources = house(files);
    return upwardImports(edgesOf(sources), sources);
  };
  /** One file that imports one other, which is there. */
  const oneImport = (from: string, specifier: string, to: string): string[] =>
    upward({ [from]: `import { a } from "${specifier}";`, [to]: "" });

  test.each([
    ["src/model/a.ts", "./b.ts", "src/model/b.ts"],
    ["src/model/deep/a.ts", "../b.ts", "src/model/b.ts"],
    ["src/model/a.ts", "../wasm/b.ts", "src/wasm/b.ts"],
    ["src/wasm/a.ts", "../errors.ts", "src/errors.ts"],
    ["src/train/a.ts", "../data/b.ts", "src/data/b.ts"],
    ["src/index.ts", "./report/b.ts", "src/report/b.ts"],
    ["src/node.ts", "./index.ts", "src/index.ts"],
    ["src/cli/a.ts", "../node.ts", "src/node.ts"],
    ["web/a.ts", "elbow-vae", "src/index.ts"],
    ["assembly/a.ts", "./b", "assembly/b.ts"],
    ["assembly/a.ts", "../src/wasm/layout", "src/wasm/layout.ts"],
  ])("%s may import %s", (from, specifier, to) => expect(oneImport(from, specifier, to)).toEqual([]));

  test.each([
    ["src/wasm/a.ts", "../model/b.ts", "src/model/b.ts"],
    ["src/wasm/a.ts", "../random/b.ts", "src/random/b.ts"],
    ["src/formats/a.ts", "../train/b.ts", "src/train/b.ts"],
    ["src/errors.ts", "./wasm/b.ts", "src/wasm/b.ts"],
    ["src/report/a.ts", "../index.ts", "src/index.ts"],
    ["src/report/a.ts", "elbow-vae", "src/index.ts"],
    ["src/node.ts", "./cli/b.ts", "src/cli/b.ts"],
    ["web/a.ts", "../src/cli/b.ts", "src/cli/b.ts"],
    ["src/wasm/a.ts", "../../assembly/b.ts", "assembly/b.ts"],
    ["assembly/a.ts", "../src/errors", "src/errors.ts"],
    ["assembly/a.ts", "../src/wasm/tiles", "src/wasm/tiles.ts"],
    ["src/wasm/a.ts", "../odd/b.ts", "src/odd/b.ts"],
    ["src/wasm/a.ts", "./gone.ts", "src/wasm/b.ts"],
  ])("%s may not import %s", (from, specifier, to) => expect(oneImport(from, specifier, to)).toHaveLength(1));

  test("a type, a call and a worker's URL count as imports, too", () => {
    for (const line of [
      'import type { A } from "../train/b.ts";',
      'await import("../train/b.ts");',
      'new URL("../train/b.ts", import.meta.url);',
      'new URL("../train/b.js", import.meta.url);',
    ]) {
      expect(upward({ "src/model/a.ts": line, "src/train/b.ts": "" }), line).toHaveLength(1);
    }
  });

  test("kernels import no package, and nothing is imported under a computed name", () => {
    expect(upward({ "assembly/a.ts": 'import { a } from "package";' })).toHaveLength(1);
    expect(upward({ "src/wasm/a.ts": 'import { a } from "package";' })).toEqual([]);
    expect(upward({ "src/wasm/a.ts": "await import(name);" })).toHaveLength(1);
  });

  test("a file on no floor is named", () => {
    expect(homeless(house({ "src/a.ts": "", "src/odd/a.ts": "", "src/wasm/a.ts": "" }))).toHaveLength(2);
  });

  test("a circle is named with its way round, types included", () => {
    const files = {
      "src/model/a.ts": 'import { b } from "./b.ts";',
      "src/model/b.ts": 'import type { C } from "./c.ts";',
      "src/model/c.ts": 'import { a } from "./a.ts";\nimport { d } from "./d.ts";',
      "src/model/d.ts": "",
    };
    const round = "src/model/a.ts → src/model/b.ts → src/model/c.ts → src/model/a.ts";
    expect(circles(edgesOf(house(files)))).toEqual([round]);
    expect(circles(edgesOf(house({ ...files, "src/model/c.ts": "" })))).toEqual([]);
    expect(circles(edgesOf(house({ "src/model/a.ts": 'import "./a.ts";' })))).toHaveLength(1);
  });

  test("Node's modules, with or without their prefix, are for Node's files", () => {
    const stray = (path: string, name: string): string[] =>
      strayNodeImports(edgesOf(house({ [path]: `import { a } from "${name}";` })));
    for (const path of ["src/train/pool-node.ts", "src/node.ts", "src/cli/main.ts"]) {
      expect(stray(path, "node:fs")).toEqual([]);
    }
    for (const name of ["node:fs", "fs", "node:fs/promises"]) {
      expect(stray("src/train/pool.ts", name)).toHaveLength(1);
    }
    expect(stray("src/train/pool.ts", "comlink")).toEqual([]);
  });

  test("what an entry loads at once is followed through other files, what it may load later is not", () => {
    const loaded = (line: string): string[] =>
      nodeFilesLoadedBy(
        "src/edge.ts",
        edgesOf(
          house({
            "src/edge.ts": 'export { a } from "./model/a.ts";',
            "src/model/a.ts": line,
            "src/wasm/load-node.ts": "",
          }),
        ),
      );
    expect(loaded('import { b } from "../wasm/load-node.ts";')).toHaveLength(1);
    expect(loaded('const { b } = await import("../wasm/load-node.ts");')).toEqual([]);
    expect(loaded('import type { B } from "../wasm/load-node.ts";')).toEqual([]);
  });

  test("lines are counted as an editor counts them", () => {
    const lines = (count: number): string => "x\n".repeat(count);
    expect(longFiles(house({ "src/a.ts": lines(MOST_LINES) }))).toEqual([]);
    expect(longFiles(house({ "src/a.ts": lines(MOST_LINES + 1) }))).toHaveLength(1);
  });
});
