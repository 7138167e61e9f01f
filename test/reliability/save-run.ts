/** A program that saves a run five times, each time with other weights, and replaces an old run if there is one. */
import process from "node:process";
import { Vae } from "../../src/node.ts";
import { claim } from "../../src/runs/claim-node.ts";

const [path = "", id = ""] = process.argv.slice(2);
const model = { inputDim: 6, hidden: [5] };
const vae = await Vae.create(model);
const config = {
  id,
  data: { name: "idx", source: "/idx", sha256: "ab".repeat(32), train: 100, test: 20 },
  model: vae.config,
  training: { batchSize: 32, learningRate: 0.002 },
  epochs: 3,
  arithmetic: vae.arithmetic,
  versions: {},
};
const writer = await claim(path, id, true);
await writer.begin(config);
const zeros = vae.tensors().map((tensor) => ({ ...tensor, data: new Float32Array(tensor.data.length) }));
for (let step = 1; step <= 5; step++) {
  const parameters = vae.tensors().map((tensor) => ({ ...tensor, data: tensor.data.map((w) => w + step) }));
  const sums = { reconstructionSum: step, klSum: step, seconds: step };
  await writer.save(config, { epoch: 0, step, ...sums, parameters, m: zeros, v: zeros }, [], "0.0.0");
}
await writer.close();
