/** What the page reads, without a browser: its script that reads files needs none. */
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import "../../compare/replay/trace.js";
import { serializeModel, serializeTrace, trace, Vae } from "../../src/node.ts";
import { makeRows } from "../support/training.ts";

const { readTrace, readRows } = globalThis as unknown as {
  readTrace(buffer: ArrayBuffer, name: string): object;
  readRows(file: Blob, trace: object): Promise<Uint8Array>;
};

const data = makeRows(11, 9, { bytes: true });
const vae = await Vae.create({ inputDim: 9, hidden: [5], latentDim: 2 });
const traced = await trace(vae, data, { steps: 4, batchSize: 4, learningRate: 0.01 });

describe("a trace that Elbow wrote", () => {
  const { config, initial, steps } = traced;
  const rows = Int32Array.from(steps.flatMap((step) => [...step.rows]));

  test("is read whole", () => {
    expect(readTrace(serializeTrace(traced, { data }).buffer, "t")).toEqual({
      metadata: expect.objectContaining({ contents: "trace", batchSize: "4" }),
      config,
      adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
      learningRate: 0.01,
      parameters: initial.map((tensor, i) => ({
        ...tensor,
        norms: Float64Array.from(steps, (step) => step.gradientNorms[i]!),
      })),
      sizes: Int32Array.of(4, 4, 3, 4),
      rows,
      noise: Float32Array.from(steps.flatMap((step) => [...step.noise])),
      x: Uint8Array.from([...rows].flatMap((row) => [...data.values.subarray(9 * row, 9 * row + 9)])),
      losses: Float64Array.from(steps, ({ reconstruction, kl }) => reconstruction + kl),
      seconds: Float64Array.from(steps, ({ seconds }) => seconds),
    });
  });

  test("may be without rows", () => {
    expect(readTrace(serializeTrace(traced).buffer, "t")).toMatchObject({ rows, x: undefined });
  });

  test("is refused where it is cut off", () => {
    const { buffer } = serializeTrace(traced, { data });
    for (const length of [0, 7, 100, buffer.byteLength - 1]) {
      expect(() => readTrace(buffer.slice(0, length), "t")).toThrow(
        "t: expected a trace in the safetensors format, found something else or a part of it",
      );
    }
  });
});

test("code from elsewhere is pinned: jax-js of one version, each file by its hash", async () => {
  const texts = await Promise.all(
    ["replay.html", "replay/trace.js", "replay/steps.js", "replay/page.js"].map((name) =>
      readFile(new URL(`../../compare/${name}`, import.meta.url), "utf8"),
    ),
  );
  const [, map] = /<script type="importmap">(.*?)<\/script>/s.exec(texts[0])!;
  const { integrity } = JSON.parse(map) as { integrity: Record<string, string> };
  const [, jax] = /^const JAX = "(.*)";$/m.exec(texts[2])!;
  expect(Object.keys(integrity)).toContain(jax);
  for (const [url, hash] of Object.entries(integrity)) {
    expect(url.slice(0, url.lastIndexOf("/"))).toBe(jax.slice(0, jax.lastIndexOf("/")));
    expect(url).toMatch(/@\d+\.\d+\.\d+\/.*\.js$/);
    expect(hash).toMatch(/^sha384-[\w+/]{64}$/);
  }
  // and no other code: scripts of this folder, and one import
  const all = texts.join("\n");
  const scripts = [...all.matchAll(/<script[^>]*\ssrc="([^"]*)"/g)].map(([, src]) => src);
  expect(scripts).toEqual(["replay/trace.js", "replay/steps.js", "replay/page.js"]);
  expect(all.match(/\bimport\b[^;]*;/g)).toEqual(["import(JAX);"]);
  expect(all).not.toMatch(/<link|importScripts|new Worker|\beval\b/);
});

test("a model is no trace", () => {
  expect(() => readTrace(serializeModel(vae).buffer, "m")).toThrow(
    "m: expected a trace (elbow trace), found a model",
  );
});

describe("the rows of a long trace", () => {
  const images = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 10, 20, 30);
  const rows = Int32Array.from({ length: 1_000_000 }, (_, i) => i % 3);
  const long = { config: { inputDim: 1 }, rows, metadata: {} };

  test.each([
    ["an IDX file", images],
    ["a gzipped IDX file", gzipSync(images)],
  ])("are found in %s", async (_, bytes) => {
    const x = await readRows(new File([new Uint8Array(bytes)], "images"), long);
    expect(x.length).toBe(rows.length);
    expect([...x.subarray(0, 4)]).toEqual([10, 20, 30, 10]);
  });

  test("are refused where the file has fewer", async () => {
    const beyond = { ...long, rows: rows.with(999_999, 3) };
    await expect(readRows(new File([images], "images"), beyond)).rejects.toThrow(
      "images: expected images of 1 bytes, more than 3 of them, found 3 bytes",
    );
  });
});
