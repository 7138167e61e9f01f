// The same training in TensorFlow.js: node tfjs.js MNIST_DIR [--backend wasm|cpu] [--epochs 2] [--steps N]

import { createRequire } from "node:module";
import { dirname } from "node:path";
import {
  ADAM,
  HIDDEN,
  INPUT,
  initial,
  LATENT,
  readArguments,
  readImages,
  report,
  runEpochs,
  toFloats,
} from "./peer.js";

// its builds for Node are CommonJS
const require = createRequire(import.meta.url);
const tf = require("@tensorflow/tfjs");

const options = readArguments({ backend: { type: "string", default: "wasm" } });
if (options.backend === "wasm") {
  const { setWasmPaths } = require("@tensorflow/tfjs-backend-wasm");
  setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm"))}/`);
}
if (!(await tf.setBackend(options.backend))) throw new Error(`no backend ${options.backend}`);

const layer = (k, n) => ({
  w: tf.variable(tf.tensor2d(initial(k, k * n), [k, n])),
  b: tf.variable(tf.tensor1d(initial(k, n))),
});
const fc1 = layer(INPUT, HIDDEN);
const fcMu = layer(HIDDEN, LATENT);
const fcLogvar = layer(HIDDEN, LATENT);
const fc3 = layer(LATENT, HIDDEN);
const fc4 = layer(HIDDEN, INPUT);
const linear = (x, { w, b }) => tf.add(tf.matMul(x, w), b);

/** Σ max(s, 0) − s·x + log(1 + exp(−|s|)), whose gradient is σ(s) − x. */
const crossEntropy = tf.customGrad((logits, x, save) => {
  save([logits, x]);
  const softened = tf.log1p(tf.exp(tf.neg(tf.abs(logits))));
  const value = tf.sum(tf.add(tf.sub(tf.relu(logits), tf.mul(logits, x)), softened));
  return {
    value,
    gradFunc: (dy, [s, y]) => [tf.mul(dy, tf.sub(tf.sigmoid(s), y)), tf.zerosLike(y)],
  };
});

function loss(x) {
  const h = tf.relu(linear(x, fc1));
  const mu = linear(h, fcMu);
  const logvar = linear(h, fcLogvar);
  const eps = tf.randomNormal([x.shape[0], LATENT]);
  const z = tf.add(mu, tf.mul(tf.exp(tf.mul(logvar, 0.5)), eps));
  const logits = linear(tf.relu(linear(z, fc3)), fc4);
  const kl = tf.mul(tf.sum(tf.sub(tf.sub(tf.add(1, logvar), tf.square(mu)), tf.exp(logvar))), -0.5);
  return tf.add(crossEntropy(logits, x), kl);
}

const { images, count } = readImages(options.directory, options.dense);
const data = tf.tensor2d(toFloats(images), [count, INPUT]);
const optimizer = tf.train.adam(ADAM.learningRate, ADAM.beta1, ADAM.beta2, ADAM.epsilon);

const results = await runEpochs(options, count, (rows) =>
  tf.tidy(() => {
    const x = tf.gather(data, tf.tensor1d(rows, "int32"));
    return optimizer.minimize(() => loss(x), true).dataSync()[0];
  }),
);
report(`TensorFlow.js, ${options.backend}`, tf.version.tfjs, 1, results);
