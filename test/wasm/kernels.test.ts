import { readFile } from "node:fs/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { KernelError } from "../../src/errors.ts";
import { BUILDS, findBuild } from "../../src/wasm/builds.ts";
import { compileNode } from "../../src/wasm/compile-node.ts";
import { compileWeb } from "../../src/wasm/compile-web.ts";
import { instantiate } from "../../src/wasm/instance.ts";
import * as layout from "../../src/wasm/layout.ts";
import { platform } from "../../src/wasm/platform.ts";
import { allCases } from "../cases/all.ts";
import { openBuilds } from "../support/kernel-memory.ts";
import { tinyModule } from "../support/tiny-module.ts";

const { LAYOUT, STATIC_BYTES } = layout;
/** The exports by which a module shows that it is this version's kernels. */
const CODES = { LAYOUT, FUSED: 0 };

function sharedMemory(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
}

describe.each(await openBuilds())("$file", ({ module, shared }) => {
  const open = () => instantiate(module, shared ? sharedMemory() : undefined);

  test("its static data ends below the caller's memory", () => {
    const end = open().exports.heapBase();
    expect(end).toBeGreaterThan(0);
    expect(end).toBeLessThanOrEqual(STATIC_BYTES);
  });

  test("it imports a shared memory or nothing, and never allocates", () => {
    const imports = WebAssembly.Module.imports(module).map(({ module: from, name }) => `${from}.${name}`);
    expect(imports).toEqual(shared ? ["env.memory"] : []);
    const { memory } = open();
    expect(memory.buffer instanceof SharedArrayBuffer).toBe(shared);
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    for (const allocator of ["__new", "__pin", "malloc"]) expect(names).not.toContain(allocator);
  });

  test("it exports no kernel without a case that tests it", () => {
    const functions = WebAssembly.Module.exports(module).filter(({ kind }) => kind === "function");
    const cases = allCases({ batch: 2, inputDim: 5, hidden: 3, latentDim: 1, density: 0.5 });
    const tested = new Set(["heapBase", ...cases.map(({ kernel }) => kernel)]);
    expect(functions.filter(({ name }) => !tested.has(name))).toEqual([]);
  });

  test("small enough for an edge runtime", async () => {
    const build = BUILDS.find((one) => one.shared === shared)!;
    const bytes = await readFile(new URL(`../../build/${build.file}`, import.meta.url));
    expect(bytes.length).toBeLessThan(64 * 1024);
  });
});

describe("a module that is something else is refused", () => {
  test("an empty one", () => {
    expect(() => instantiate(tinyModule({}))).toThrow(KernelError);
    expect(() => instantiate(tinyModule({}), sharedMemory())).toThrow(
      /this version's kernels \(LAYOUT \d+\), found none/,
    );
  });

  test("one of other exports", () => {
    const other = tinyModule({ memory: true, functions: { add: 3 } });
    expect(() => instantiate(other)).toThrow(KernelError);
  });

  test("one of another version, whose constants differ", () => {
    const other = tinyModule({
      globals: { ...CODES, LAYOUT: LAYOUT + 1 },
      memory: true,
      functions: { heapBase: 64 },
    });
    expect(() => instantiate(other)).toThrow(/this version's kernels \(LAYOUT \d+\), found \d+/);
  });

  test("one whose static data reaches into the caller's memory", () => {
    const greedy = tinyModule({ globals: CODES, memory: true, functions: { heapBase: STATIC_BYTES + 1 } });
    expect(() => instantiate(greedy)).toThrow(/static data below byte 4096, found 4097/);
    expect(() => instantiate(tinyModule({ globals: CODES, memory: true }))).toThrow(KernelError);
  });

  test("one without a memory", () => {
    const bare = tinyModule({ globals: CODES, functions: { heapBase: 64 } });
    expect(() => instantiate(bare)).toThrow(/neither imports nor exports memory/);
  });

  test("a build that owns its memory, where one is to be shared", async () => {
    const module = await compileNode(findBuild("simd", false));
    expect(() => instantiate(module, sharedMemory())).toThrow(KernelError);
    expect(() => instantiate(module, sharedMemory())).toThrow(/found one that owns its memory/);
  });

  test("a shared build without a memory, or with one that is not shared", async () => {
    const module = await compileNode(findBuild("simd", true));
    expect(() => instantiate(module)).toThrow(/expected a kernel build that owns its memory/);
    const own = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    expect(() => instantiate(module, own)).toThrow(/expected a kernel build that imports env.memory/);
  });
});

test("every constant of the layout counts in the number that builds export", async () => {
  const source = await readFile(new URL("../../src/wasm/layout.ts", import.meta.url), "utf8");
  const sum = source.slice(source.indexOf("export const LAYOUT"));
  const names = Object.keys(layout).filter((name) => !new RegExp(`\\b${name}\\b`).test(sum));
  // it is a factor of GRADIENT_BYTES
  expect(names).toEqual(["PANELS_AT_ONCE"]);
});

describe("compiling", () => {
  afterEach(() => vi.unstubAllGlobals());

  const respond = (body: BodyInit, init?: ResponseInit) =>
    vi.stubGlobal("fetch", async () => new Response(body, init));

  test("a file that is not there says how to make it", async () => {
    const missing = { ...findBuild("simd", false), file: "missing.wasm" };
    await expect(compileNode(missing)).rejects.toThrow(KernelError);
    await expect(compileNode(missing)).rejects.toThrow(/missing\.wasm.*npm run build/);
  });

  test("a server that sends its page for everything is found out", async () => {
    respond("<!doctype html><title>Not found</title>", { headers: { "content-type": "text/html" } });
    const compiled = compileWeb(findBuild("simd", false));
    await expect(compiled).rejects.toThrow(KernelError);
    await expect(compileWeb(findBuild("simd", false))).rejects.toThrow(
      /kernels\.wasm: expected the kernels as WebAssembly, found text\/html/,
    );
  });

  test("a status other than success is named", async () => {
    respond("gone", { status: 404 });
    await expect(compileWeb(findBuild("relaxed", true))).rejects.toThrow(/relaxed\.wasm.*HTTP status 404/);
  });

  test.each(BUILDS)("$file from a server", async (build) => {
    const bytes = await readFile(new URL(`../../build/${build.file}`, import.meta.url));
    respond(new Uint8Array(bytes));
    const module = await compileWeb(build);
    const { exports } = instantiate(module, build.shared ? sharedMemory() : undefined);
    expect(exports.linear).toBeTypeOf("function");
  });
});

test("inner files without an entry say what to import", () => {
  expect(() => platform()).toThrow(KernelError);
  expect(() => platform()).toThrow(/import from "elbow-vae"/);
});
