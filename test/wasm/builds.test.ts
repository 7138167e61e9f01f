import { afterEach, describe, expect, test, vi } from "vitest";
import { KernelError } from "../../src/errors.ts";
import {
  BUILDS,
  canShareMemory,
  chooseArithmetic,
  findBuild,
  supportedArithmetic,
} from "../../src/wasm/builds.ts";
import { chooseTile } from "../../src/wasm/tiles.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** An engine that says yes or no to the probes, in their order: SIMD, relaxed SIMD. */
function engineThatKnows(...answers: boolean[]): void {
  const validate = vi.spyOn(WebAssembly, "validate");
  for (const answer of answers) validate.mockReturnValueOnce(answer);
  validate.mockReturnValue(false);
}

describe("arithmetic", () => {
  test("the probes are modules that this engine accepts", () => {
    expect(supportedArithmetic()).toContain("simd");
  });

  test.each([
    [
      [true, true],
      ["relaxed", "simd"],
    ],
    [[true, false], ["simd"]],
    [[false], []],
  ])("an engine that answers %j runs %j", (answers, supported) => {
    engineThatKnows(...answers);
    expect(supportedArithmetic()).toEqual(supported);
  });

  test("the best, or the one asked for", () => {
    expect(chooseArithmetic()).toBe(supportedArithmetic()[0]);
    expect(chooseArithmetic("simd")).toBe("simd");
  });

  test("what the engine cannot run is refused with what it can", () => {
    engineThatKnows(true, false);
    expect(() => chooseArithmetic("relaxed")).toThrow(KernelError);
    engineThatKnows(true, false);
    expect(() => chooseArithmetic("relaxed")).toThrow(
      "the JavaScript engine: expected relaxed WebAssembly SIMD, found only simd; ask for simd",
    );
    engineThatKnows(false);
    expect(() => chooseArithmetic()).toThrow(
      "the JavaScript engine: expected WebAssembly SIMD, found none; use Node 20.19 or later, or a browser of 2023 or later",
    );
  });
});

test("four builds, each found by what it is", () => {
  expect(BUILDS).toHaveLength(4);
  expect(new Set(BUILDS.map(({ file }) => file)).size).toBe(4);
  for (const build of BUILDS) expect(findBuild(build.arithmetic, build.shared)).toBe(build);
});

describe("sharing memory", () => {
  test("works in Node", () => expect(canShareMemory()).toBe(true));

  test("is off in a page that is not isolated", () => {
    vi.stubGlobal("crossOriginIsolated", false);
    expect(canShareMemory()).toBe(false);
    vi.stubGlobal("crossOriginIsolated", true);
    expect(canShareMemory()).toBe(true);
  });

  test("is off in an engine that does not have it", () => {
    vi.stubGlobal("SharedArrayBuffer", undefined);
    expect(canShareMemory()).toBe(false);
  });
});

describe("tiles", () => {
  test.each([
    ["relaxed", undefined, true, "6x16"],
    ["simd", [13, 6], true, "6x16"],
    ["relaxed", [14, 1], false, "6x8"],
    ["simd", [14, 1], false, "4x8"],
    ["relaxed", [11, 3], false, "4x8"],
    ["relaxed", undefined, false, "4x8"],
  ] as const)("%s on V8 %j, revectorized %s: %s", (arithmetic, v8, revectorized, tile) => {
    expect(chooseTile(arithmetic, { v8, revectorized })).toBe(tile);
  });
});
