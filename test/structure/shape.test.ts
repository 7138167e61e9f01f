import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { crowdedCalls, longFunctions, longKernels, MOST_ARGUMENTS, MOST_FUNCTION_LINES } from "./shape.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

function check(patterns: readonly string[], rule: (path: string, source: string) => string[]): string[] {
  const paths = globSync(patterns, { cwd: root, exclude: ["**/node_modules/**"] });
  expect(paths.length).toBeGreaterThan(10);
  return paths
    .map((path) => path.replaceAll("\\", "/"))
    .flatMap((path) => rule(path, readFileSync(root + path, "utf8")));
}

/** The loop bodies of the two micro-kernels, which are unrolled by hand. */
const UNROLLED = /: (tileOf|sparseRows) /;

describe("the code as it is", () => {
  test(`no function passes ${MOST_FUNCTION_LINES} lines`, () => {
    expect(check(["{src,bench,scripts}/**/*.ts"], longFunctions)).toEqual([]);
    expect(check(["assembly/*.ts"], longKernels).filter((line) => !UNROLLED.test(line))).toEqual([]);
  });

  test(`no call outside the door to the kernels passes more than ${MOST_ARGUMENTS} arguments`, () => {
    const calls = check(["{src,test,bench,scripts,examples}/**/*.ts"], crowdedCalls);
    expect(calls.filter((line) => !/^(src\/wasm|bench\/assembly)\//.test(line))).toEqual([]);
  });
});

describe("the rules", () => {
  const lines = (count: number): string => "  x();\n".repeat(count);

  test("count the lines of every kind of function", () => {
    const long = MOST_FUNCTION_LINES - 1;
    for (const [head, tail] of [
      ["function f() {", "}"],
      ["const f = () => {", "};"],
      ["class A {\nm() {", "}\n}"],
      ["const f = async function () {", "};"],
    ]) {
      expect(longFunctions("a.ts", `${head}\n${lines(long - 1)}${tail}\n`), head).toEqual([]);
      expect(longFunctions("a.ts", `${head}\n${lines(long)}${tail}\n`), head).toHaveLength(1);
      if (head?.startsWith("function"))
        expect(longKernels("a.ts", `${head}\n${lines(long)}${tail}\n`)).toHaveLength(1);
    }
  });

  test("count the arguments of calls and of constructors", () => {
    const given = (count: number): string => Array.from({ length: count }, (_, i) => i).join(", ");
    for (const call of ["f", "a.b.f", "new F"]) {
      expect(crowdedCalls("a.ts", `${call}(${given(MOST_ARGUMENTS)});`)).toEqual([]);
      expect(crowdedCalls("a.ts", `${call}(${given(MOST_ARGUMENTS + 1)});`)).toEqual([
        "a.ts:1 passes too many arguments",
      ]);
    }
  });

  test("know a list from parameters", () => {
    expect(crowdedCalls("a.ts", "Uint8Array.of(1, 2, 3, 4, 5, 6, 7);")).toEqual([]);
    expect(crowdedCalls("a.ts", 'run("train", "--data", path, "--epochs", "1", "--out", out);')).toEqual([]);
  });

  test("refuse what is no TypeScript", () => expect(() => crowdedCalls("a.ts", "const = ;")).toThrow("a.ts"));
});
