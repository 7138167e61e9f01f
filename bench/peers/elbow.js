// Elbow itself, as the package is published: node elbow.js MNIST_DIR [--workers N] [--epochs 2] [--dense]

import process from "node:process";
import { Trainer, tuneEngine, Vae } from "../../dist/node.js";
import { BATCH, HIDDEN, INPUT, LATENT, readArguments, readImages, report } from "./peer.js";

const options = readArguments({ workers: { type: "string", default: "1" } });
const workers = Number(options.workers);
tuneEngine();
const { images, count } = readImages(options.directory, options.dense);
const vae = await Vae.create({ inputDim: INPUT, hidden: [HIDDEN], latentDim: LATENT });
const trainer = await Trainer.create(
  vae,
  { values: images, count, dim: INPUT },
  { batchSize: BATCH, workers },
);
const epochs = [];
for (let epoch = 0; epoch < options.epochs; epoch++) {
  const start = performance.now();
  const metrics = await trainer.runEpoch();
  // by the same clock as the other programs, around all that the epoch does
  epochs.push({ seconds: (performance.now() - start) / 1000, loss: metrics.trainLoss });
}
trainer.dispose();
const { version } = (await import("../../package.json", { with: { type: "json" } })).default;
report("Elbow", `${version}, Node ${process.versions.node}`, workers, { epochs });
