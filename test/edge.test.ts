import { readFile } from "node:fs/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  ConfigError,
  type EpochMetrics,
  KernelError,
  parseModel,
  serializeModel,
  Trainer,
  train,
  Vae,
} from "../src/edge.ts";
import { uniforms } from "./support/uniforms.ts";

// Nothing of Node's entry is loaded here before the last test, so what works has neither platform nor threads.

const config = { inputDim: 37, hidden: [21], latentDim: 3, seed: 7 } as const;
const makeRows = (seed: number) => {
  return { values: Float32Array.from(uniforms(seed, 150 * 37, 0, 1)), count: 150, dim: 37 };
};
const rows = makeRows(1);
const settings = { epochs: 2, batchSize: 40, test: makeRows(2) };

async function compiled(file: string): Promise<WebAssembly.Module> {
  return new WebAssembly.Module(await readFile(new URL(`../build/${file}`, import.meta.url)));
}

const kernels = await compiled("kernels.wasm");

async function losses(epochs: AsyncIterable<EpochMetrics>): Promise<(readonly (number | null)[])[]> {
  const found: (readonly (number | null)[])[] = [];
  for await (const { trainLoss, trainKl, testLoss, testKl } of epochs) {
    found.push([trainLoss, trainKl, testLoss, testKl]);
  }
  return found;
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe("a model from a module", () => {
  test("is there at once, says how it rounds, and is the one that its file holds", async () => {
    const vae = Vae.fromModule(config, kernels);
    expect(vae.arithmetic).toBe("simd");
    expect(Vae.fromModule(config, await compiled("kernels.relaxed.wasm")).arithmetic).toBe("relaxed");
    const { config: kept, tensors } = parseModel(serializeModel(vae));
    const again = Vae.fromModule({ ...kept, seed: 8 }, kernels, { tensors });
    expect(again.tensors()).toEqual(vae.tensors());
    expect(again.encode(rows.values)).toEqual(vae.encode(rows.values));
  });

  test("is not made of tensors that are not its own", () => {
    const { tensors } = parseModel(serializeModel(Vae.fromModule(config, kernels)));
    expect(() => Vae.fromModule({ ...config, latentDim: 4 }, kernels, { tensors })).toThrow(ConfigError);
    // @ts-expect-error: no such tile
    expect(() => Vae.fromModule(config, kernels, { tile: "9x9" })).toThrow(
      /^tile: expected 6x16, .* or .*, found "9x9"$/,
    );
  });

  test("refuses rows of another length with both numbers", () => {
    const vae = Vae.fromModule(config, kernels);
    expect(() => vae.encode(new Float32Array(38))).toThrow(ConfigError);
    expect(() => vae.encode(new Float32Array(38))).toThrow(
      "rows: expected 37 numbers each, found 38 numbers in all",
    );
    expect(() => vae.decode(new Float32Array(4))).toThrow(
      "latent rows: expected 3 numbers each, found 4 numbers in all",
    );
  });

  test.each([
    ["a list", Array.from({ length: 37 }, () => 0.5), "Array"],
    ["a canvas's pixels, whose bytes would pass for floats", new Uint8ClampedArray(37), "Uint8ClampedArray"],
    ["nothing", undefined, "Undefined"],
  ])("refuses rows that are %s", (_, wrong, found) => {
    const vae = Vae.fromModule(config, kernels);
    expect(() => vae.encode(wrong as unknown as Float32Array)).toThrow(ConfigError);
    expect(() => vae.losses(wrong as unknown as Float32Array)).toThrow(
      `rows: expected a Float32Array or a Uint8Array (row-major), found ${found}`,
    );
  });

  test("cannot be created by name where no entry knows how to load kernels", async () => {
    await expect(Vae.create(config)).rejects.toThrow(KernelError);
    await expect(Vae.create(config)).rejects.toThrow(/elbow-vae\/kernels\.wasm and use Vae\.fromModule/);
  });
});

describe("kernels that are not a module that will do", () => {
  const bytes = new Uint8Array(8);
  const given = (value: unknown) => () => Vae.fromModule(config, value as WebAssembly.Module);

  test.each([
    ["bytes", bytes, /found its bytes; .*new WebAssembly\.Module\(bytes\)/],
    ["a buffer", bytes.buffer, /found its bytes; .*new WebAssembly\.Module\(bytes\)/],
    ["a response", new Response(bytes), /found a Response; .*compileStreaming\(response\)/],
    ["a promise", Promise.resolve(kernels), /found a promise; await it/],
    ["an address", "https://example.org/kernels.wasm", /found an address; .*compileStreaming\(fetch/],
    ["an address", new URL("file:///kernels.wasm"), /found an address/],
    ["nothing", undefined, /found nothing; import it/],
    ["nothing", null, /found nothing; import it/],
    ["a bundler's object", { default: kernels }, /found something else; let the bundler/],
    ["a bundler's function", () => kernels, /found something else; let the bundler/],
  ])("%s", (_, value, message) => {
    expect(given(value)).toThrow(KernelError);
    expect(given(value)).toThrow(message);
  });

  test("an instance", async () => {
    expect(given(new WebAssembly.Instance(kernels))).toThrow(/found a WebAssembly\.Instance/);
  });

  test.each(["kernels.shared.wasm", "kernels.shared.relaxed.wasm"])("%s", async (file) => {
    const shared = await compiled(file);
    expect(given(shared)).toThrow(KernelError);
    expect(given(shared)).toThrow(/expected a kernel build that owns its memory/);
  });

  test("a module in an engine that has no SIMD", () => {
    vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    expect(given(kernels)).toThrow(KernelError);
    expect(given(kernels)).toThrow(
      "the JavaScript engine: expected WebAssembly SIMD, found none; use Node 20.19 or later, or a browser of 2023 or later",
    );
  });

  test("a bad setting is told first", () => {
    expect(() => Vae.fromModule({ inputDim: 0 }, undefined as never)).toThrow(ConfigError);
  });
});

describe("training on the model's own module", () => {
  test("takes as many workers as there are, one", async () => {
    const vae = Vae.fromModule(config, kernels);
    for (const workers of [undefined, 1]) {
      const trainer = await Trainer.create(vae, rows, { workers });
      expect(trainer.workers).toBe(1);
      trainer.dispose();
    }
    const two = Trainer.create(vae, rows, { workers: 2 });
    await expect(two).rejects.toThrow(ConfigError);
    await expect(Trainer.create(vae, rows, { workers: 2 })).rejects.toThrow(
      "workers: expected 1 (a model of Vae.fromModule trains on this thread), found 2; make the model with Vae.create",
    );
    await expect(Trainer.create(vae, rows, { workers: 0 })).rejects.toThrow(
      /^workers: expected .*, found 0$/,
    );
  });

  test("compiles nothing, shares nothing and ends as Node's workers end", async () => {
    vi.stubGlobal("SharedArrayBuffer", undefined);
    for (const name of ["compile", "instantiate", "compileStreaming", "instantiateStreaming"] as const) {
      vi.spyOn(WebAssembly, name).mockImplementation(() => {
        throw new Error("not here");
      });
    }
    const vae = Vae.fromModule(config, kernels);
    const found = await losses(train(vae, rows, settings));
    vi.restoreAllMocks();
    vi.unstubAllGlobals();

    const node = await import("../src/node.ts");
    const twin = await node.Vae.create(config, { arithmetic: "simd" });
    expect(await losses(node.train(twin, rows, { ...settings, workers: 2 }))).toEqual(found);
    expect(twin.tensors()).toEqual(vae.tensors());
    // and with workers at hand a model from a module still trains alone
    await expect(Trainer.create(vae, rows, { workers: 2 })).rejects.toThrow(ConfigError);
    expect(found[1][0]).toBeLessThan(found[0][0]!);
  });
});
