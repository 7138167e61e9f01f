// What `elbow export --onnx` writes, run by onnxruntime-web.

import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { pathToFileURL } from "node:url";
import * as ort from "onnxruntime-web";
import { OWN_NODE } from "./engines.ts";
import { FOLDER, PROJECT } from "./given.ts";
import { run } from "./programs.ts";

const { Vae, serializeModel } = (await import(
  pathToFileURL(join(PROJECT, "node_modules/elbow-vae/dist/node.js")).href
)) as typeof import("../../dist/node.js");

const ELBOW = join(PROJECT, "node_modules/elbow-vae/dist/cli/main.js");
const TOLERANCE = 1e-5;
const DIM = 37;
const LATENT = 3;

ort.env.wasm.numThreads = 1;

const CASES = (["relu", "tanh"] as const).flatMap((activation) =>
  (["bernoulli", "gaussian"] as const).flatMap((likelihood) =>
    [[21], [21, 18]].map((hidden) => ({ activation, likelihood, hidden })),
  ),
);

/** Rows of numbers in [0, 1), by the golden ratio: spread out and each another. */
function spread(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => ((i + 1) * 0.618_033_988_749_895) % 1);
}

function expectClose(found: ort.Tensor, expected: Float32Array, shape: readonly number[]): void {
  assert.deepEqual(found.dims, shape);
  const values = found.data as Float32Array;
  assert.equal(values.length, expected.length);
  for (const [i, value] of expected.entries()) {
    assert.ok(Math.abs(values[i]! - value) <= TOLERANCE, `element ${i}: ${values[i]}, expected ${value}`);
  }
}

suite(`onnxruntime-web ${ort.env.versions.web}`, () => {
  for (const { activation, likelihood, hidden } of CASES) {
    test(`${activation}, ${likelihood}, ${hidden.length} hidden`, async () => {
      const folder = join(FOLDER, `onnx-${activation}-${likelihood}-${hidden.length}`);
      await mkdir(folder);
      const vae = await Vae.create({ inputDim: DIM, hidden, latentDim: LATENT, activation, likelihood });
      const model = join(folder, "model.safetensors");
      await writeFile(model, serializeModel(vae));
      await run(OWN_NODE.binary, [ELBOW, "export", model, "--onnx", join(folder, "onnx")], { cwd: folder });
      const open = async (name: string) =>
        ort.InferenceSession.create(await readFile(join(folder, "onnx", `${name}.onnx`)), {
          executionProviders: ["wasm"],
        });
      const [encoder, decoder, reconstruction] = [
        await open("encoder"),
        await open("decoder"),
        await open("reconstruction"),
      ];
      for (const batch of [1, 7]) {
        const rows = spread(batch * DIM);
        const { mu, logvar } = vae.encode(rows);
        const x = new ort.Tensor("float32", rows, [batch, DIM]);
        const codes = await encoder.run({ x });
        expectClose(codes.mu!, mu, [batch, LATENT]);
        expectClose(codes.logvar!, logvar, [batch, LATENT]);
        const z = new ort.Tensor("float32", mu, [batch, LATENT]);
        expectClose((await decoder.run({ z })).mean!, vae.decode(mu), [batch, DIM]);
        const whole = await reconstruction.run({ x });
        expectClose(whole.reconstruction!, vae.reconstruct(rows), [batch, DIM]);
      }
    });
  }
});
