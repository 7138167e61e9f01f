// The same training in jax-js on its wasm backend: node jax.js MNIST_DIR [--epochs 2] [--steps N]
//
// One jitted function is the whole step: loss, gradients, Adam. jax-js counts references: a value that is used once more
// is passed as `value.ref`.

import { readFileSync } from "node:fs";
import { defaultDevice, init, jit, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import {
  ADAM,
  HIDDEN,
  INPUT,
  initial,
  LATENT,
  normals,
  readArguments,
  readImages,
  report,
  runEpochs,
  toFloats,
} from "./peer.js";

const options = readArguments();
await init("wasm");
defaultDevice("wasm");

const SHAPES = [
  [INPUT, HIDDEN],
  [HIDDEN, LATENT],
  [HIDDEN, LATENT],
  [LATENT, HIDDEN],
  [HIDDEN, INPUT],
];

/** Weights and bias of each layer, one after another: fc1, mu, logvar, fc3, fc4. */
let parameters = SHAPES.flatMap(([k, n]) => [
  np.array(initial(k, k * n)).reshape([k, n]),
  np.array(initial(k, n)),
]);
const zeros = () => SHAPES.flatMap(([k, n]) => [np.zeros([k, n]), np.zeros([n])]);
let moments = [zeros(), zeros()];

const linear = (x, w, b) => np.add(np.matmul(x, w), b);

/** Takes over all that it is given, as every function of jax-js does. */
function loss([w1, b1, wMu, bMu, wLogvar, bLogvar, w3, b3, w4, b4], x, eps) {
  const h = nn.relu(linear(x.ref, w1, b1));
  const mu = linear(h.ref, wMu, bMu);
  const logvar = linear(h, wLogvar, bLogvar);
  const z = mu.ref.add(np.exp(logvar.ref.mul(0.5)).mul(eps));
  const logits = linear(nn.relu(linear(z, w3, b3)), w4, b4);
  // Σ softplus(s) − s·x is the cross-entropy from logits
  const reconstruction = np.sum(nn.softplus(logits.ref).sub(logits.mul(x)));
  const kl = np.sum(logvar.ref.add(1).sub(np.square(mu)).sub(np.exp(logvar))).mul(-0.5);
  return reconstruction.add(kl);
}

const { beta1, beta2 } = ADAM;

/** Loss, and parameters and moments after Adam; both bias corrections are in `rate` and `epsilon`. */
const step = jit((w, [m, v], x, eps, rate, epsilon) => {
  const [value, gradients] = valueAndGrad(loss)(
    w.map((one) => one.ref),
    x,
    eps,
  );
  const next = [[], [], []];
  for (let i = 0; i < w.length; i++) {
    const mNext = m[i].mul(beta1).add(gradients[i].ref.mul(1 - beta1));
    const vNext = v[i].mul(beta2).add(np.square(gradients[i]).mul(1 - beta2));
    const change = mNext.ref.mul(rate.ref).div(np.sqrt(vNext.ref).add(epsilon.ref));
    next[0].push(w[i].sub(change));
    next[1].push(mNext);
    next[2].push(vNext);
  }
  rate.dispose();
  epsilon.dispose();
  return [value, ...next];
});

const { images, count } = readImages(options.directory, options.dense);
const data = toFloats(images);
let steps = 0;

async function train(rows) {
  const x = new Float32Array(rows.length * INPUT);
  for (let i = 0; i < rows.length; i++)
    x.set(data.subarray(rows[i] * INPUT, (rows[i] + 1) * INPUT), i * INPUT);
  const eps = normals(rows.length * LATENT);
  steps++;
  const correction = Math.sqrt(1 - beta2 ** steps);
  const rate = (ADAM.learningRate * correction) / (1 - beta1 ** steps);
  const [value, w, m, v] = step(
    parameters,
    moments,
    np.array(x).reshape([rows.length, INPUT]),
    np.array(eps).reshape([rows.length, LATENT]),
    np.array(rate),
    np.array(ADAM.epsilon * correction),
  );
  parameters = w;
  moments = [m, v];
  return (await value.data())[0];
}

const results = await runEpochs(options, count, train);
const manifest = new URL("./node_modules/@jax-js/jax/package.json", import.meta.url);
report("jax-js, wasm", JSON.parse(readFileSync(manifest, "utf8")).version, 1, results);
