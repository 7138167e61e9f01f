import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { KernelError } from "../../src/errors.ts";
import { ACTIVATIONS } from "../../src/model/activations.ts";
import { LIKELIHOODS } from "../../src/model/likelihoods.ts";
import { CHECKSUMS, checksum, isRight, type Uses } from "../../src/model/self-check.ts";
import { Vae } from "../../src/model/vae.ts";
import { findBuild, supportedArithmetic } from "../../src/wasm/builds.ts";
import { compileNode } from "../../src/wasm/compile-node.ts";
import { type Exports, type Instance, instantiate } from "../../src/wasm/instance.ts";

type Kernel = (...given: number[]) => number | undefined;

function keys<K extends string>(table: Readonly<Record<K, unknown>>): K[] {
  return Object.keys(table) as K[];
}

function kernelOf(exports: Exports, name: string): Kernel {
  return exports[name as keyof Exports] as unknown as Kernel;
}

const modules = await Promise.all(
  supportedArithmetic().map((arithmetic) => compileNode(findBuild(arithmetic, false))),
);

/** Each activation with each likelihood. */
const all = keys(ACTIVATIONS).flatMap((activation) =>
  keys(LIKELIHOODS).map((likelihood): Uses => ({ activation, likelihood })),
);

test("the checksums are those of all models in both arithmetics, and nothing else is among them", () => {
  const found = modules.flatMap((module) => all.map((uses) => checksum(instantiate(module), "4x8", uses)));
  expect(new Set(found)).toEqual(new Set(CHECKSUMS));
});

test("a module of other code is refused when a model is made of it, on one line", () => {
  const bytes = readFileSync(new URL("../../build/kernels.wasm", import.meta.url));
  const [mul, sub] = [Buffer.of(0xfd, 0xe6, 0x01), Buffer.of(0xfd, 0xe5, 0x01)];
  for (let at = bytes.indexOf(mul); at >= 0; at = bytes.indexOf(mul)) bytes.set(sub, at);
  const other = new WebAssembly.Module(bytes);
  for (let i = 0; i < 2; i++) {
    expect(() => Vae.fromModule({ inputDim: 8 }, other)).toThrow(KernelError);
    expect(() => Vae.fromModule({ inputDim: 8 }, other)).toThrow(
      /^the WebAssembly module: expected this version's kernels, found others; use the file that came with this package$/,
    );
  }
});

describe.each(modules.map((module) => [instantiate(module).arithmetic, module] as const))(
  "%s",
  (_, module) => {
    const { exports } = instantiate(module);
    const kernels = Object.keys(exports).filter(
      (name) => typeof kernelOf(exports, name) === "function" && name !== "heapBase",
    );
    const source = readFileSync(new URL("../../src/wasm/kernels.ts", import.meta.url), "utf8");

    /** The model that is wrong where a kernel is another. */
    function wrongWith(name: string, change: (kernel: Kernel, instance: Instance) => Kernel) {
      const instance = instantiate(module);
      const { exports, memory } = instance;
      const changed = { ...exports, [name]: change(kernelOf(exports, name), instance) };
      const model = { exports: changed, memory };
      return all.find((uses) => !isRight(model, "6x8", uses));
    }

    test("nothing is wrong with the kernels as they are", () => {
      for (const name of kernels) expect(wrongWith(name, (kernel) => kernel)).toBeUndefined();
    });

    // It decides whether a product is computed over lists: where it says too few, the bits are the same.
    test("countEntries is noticed where it says too many", () => {
      expect(wrongWith("countEntries", () => () => 1e6)).toBeDefined();
    });

    // Part of linearUpdate; alone nothing calls it.
    test("adamRows is not called from JavaScript", () => expect(source).not.toMatch(/adamRows/));

    describe.each(kernels.filter((name) => name !== "countEntries" && name !== "adamRows"))("%s", (name) => {
      test("is noticed where it does nothing", () => {
        expect(wrongWith(name, () => () => undefined)).toBeDefined();
      });

      test("is noticed where it is another kernel", () => {
        const { length } = kernelOf(exports, name);
        for (const other of kernels) {
          if (other === name || kernelOf(exports, other).length !== length) continue;
          expect(
            wrongWith(name, (_, { exports }) => kernelOf(exports, other)),
            other,
          ).toBeDefined();
        }
      });

      // Later ones may be scratch, or decide which of two products of the same bits is computed.
      test.each([1, 9])("is noticed where %i words that it writes are others", (most) => {
        const change = (kernel: Kernel, { memory }: Instance): Kernel => {
          return (...given) => {
            const before = new Int32Array(memory.buffer).slice();
            const result = kernel(...given);
            const after = new Int32Array(memory.buffer);
            const written = [...after.keys()].filter((i) => after[i] !== before[i]);
            for (const i of written.slice(0, most)) after[i] ^= 0x400000;
            return result;
          };
        };
        expect(wrongWith(name, change)).toBeDefined();
      });

      test("is noticed where it traps", () => {
        const trap = () => {
          throw new WebAssembly.RuntimeError("unreachable");
        };
        expect(wrongWith(name, () => trap)).toBeDefined();
      });
    });
  },
);
