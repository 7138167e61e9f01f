/** The example Worker without a runtime of Workers: bundled with a small model, its fetch called as such a runtime does. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "vite";
import { beforeAll, describe, expect, test } from "vitest";
import type { Likelihood } from "../../src/node.ts";
import { serializeModel, Vae } from "../../src/node.ts";

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** What wrangler makes of files that are no JavaScript: kernels are a module, a model is its bytes. */
function asWrangler(model: Uint8Array, kernels: Uint8Array): Plugin {
  const bytes = (file: Uint8Array): string =>
    `Uint8Array.from(atob("${Buffer.from(file).toString("base64")}"), (c) => c.charCodeAt(0))`;
  const files = new Map([
    ["elbow-vae/kernels.wasm", `export default new WebAssembly.Module(${bytes(kernels)})`],
    ["../model.safetensors", `export default ${bytes(model)}.buffer`],
  ]);
  return {
    name: "as-wrangler",
    enforce: "pre",
    resolveId: (id) => (files.has(id) ? `\0${id}` : id === "elbow-vae/edge" ? at("src/edge.ts") : undefined),
    load: (id) => files.get(id.slice(1)),
  };
}

type Worker = { fetch(request: Request): Promise<Response> };

async function startWorker(likelihood: Likelihood, weight?: number): Promise<Worker> {
  const vae = await Vae.create({ inputShape: [2, 3, 1], hidden: [4], likelihood });
  const weights = vae.tensors();
  if (weight !== undefined) for (const { data } of weights) data.fill(weight);
  const model = serializeModel({ config: vae.config, tensors: () => weights });
  const built = await build({
    configFile: false,
    logLevel: "error",
    plugins: [asWrangler(model, await readFile(at("build/kernels.wasm")))],
    build: {
      write: false,
      target: "esnext",
      lib: { entry: at("examples/worker/src/worker.ts"), formats: ["es"] },
    },
  });
  const [{ output }] = built as unknown as [{ output: [{ code: string }] }];
  const url = `data:text/javascript,${encodeURIComponent(output[0].code)}`;
  return ((await import(/* @vite-ignore */ url)) as { default: Worker }).default;
}

async function post(worker: Worker, path: string, body: string | Uint8Array<ArrayBuffer>) {
  const type = typeof body === "string" ? "application/json" : "application/octet-stream";
  const request = new Request(`https://worker${path}`, {
    method: "POST",
    body,
    headers: { "content-type": type },
  });
  const response = await worker.fetch(request);
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const rows = (...values: (number | string)[]): string => `[[0,0,0,0,0,0],[0,${values.join(",")}]]`;

describe("a Worker around a Bernoulli model", () => {
  let worker: Worker;
  beforeAll(async () => {
    worker = await startWorker("bernoulli");
  });

  test.each(["/score", "/encode"])(
    "%s answers rows of numbers from 0 to 1, as JSON and as bytes",
    async (path) => {
      const json = await post(worker, path, rows(0, 0.2, 1, 0.4, 0.6));
      const bytes = await post(worker, path, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 51, 255, 102, 153));
      expect([json.status, bytes.status]).toEqual([200, 200]);
      expect(JSON.stringify(json.body)).not.toContain("null");
      for (const [key, values] of Object.entries(json.body)) {
        expect((bytes.body[key] as number[]).flat()).toBeAllClose((values as number[]).flat(), {
          rtol: 1e-5,
          atol: 1e-6,
        });
      }
    },
  );

  test.each([
    ["a number above 1", rows(0, 0, 1.5, 0, 0), /^row 1: expected numbers from 0 to 1 .*, found 1\.5$/],
    ["a number below 0", rows(0, 0, 0, 0, -1), /^row 1: expected numbers from 0 to 1 .*, found -1$/],
    [
      "a number beyond float32",
      rows(0, 1e39, 0, 0, 0),
      /^row 1: expected numbers from 0 to 1 .*, found Infinity$/,
    ],
    ["a number beyond float64", rows(0, "1e999", 0, 0, 0), /^expected JSON with rows of 6 numbers/],
    ["null, as JSON has it for NaN", rows(0, "null", 0, 0, 0), /^expected JSON with rows of 6 numbers/],
    ["NaN", rows(0, "NaN", 0, 0, 0), /^expected JSON with rows of 6 numbers/],
    ["a short row", "[[0,0]]", /^expected JSON with rows of 6 numbers/],
    ["no rows", "[]", /^expected 1 to 256 rows$/],
    ["bytes that are no whole rows", new Uint8Array(7), /^rows: expected 6 numbers each, found 7 numbers/],
  ])("refuses %s", async (_, body, message) => {
    for (const path of ["/score", "/encode"]) {
      const { status, body: answer } = await post(worker, path, body);
      expect(status).toBe(400);
      expect(answer).toEqual({ error: expect.stringMatching(message) });
    }
  });
});

test("a Worker whose model computes no finite number says so, instead of null", async () => {
  const worker = await startWorker("gaussian", 1e30);
  const { status, body } = await post(worker, "/score", rows(0, 0, 0, 0, 0));
  expect(status).toBe(400);
  expect(body).toEqual({
    error: expect.stringMatching(/ of row 0: expected a finite number, found [^\n]+$/),
  });
});
