/**
 * The checks that every runtime runs: plain JavaScript, no framework, nothing of any platform's own. What comes out is
 * bytes by name, for the harness to compare with what stands in expected.json.
 *
 * @typedef {typeof import("../../dist/edge.js")} Elbow
 * @typedef {import("../../dist/edge.js").Vae} Vae
 * @typedef {Parameters<Elbow["Vae"]["create"]>[0]} VaeConfig
 * @typedef {NonNullable<Parameters<Elbow["Vae"]["create"]>[1]>["tensors"]} Tensors
 */

/** Rows without `Math`'s functions, whose last bit is each engine's own: a linear congruential generator's high bits. */
function makeBytes(/** @type {number} */ length, /** @type {number} */ seed) {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** Bytes, most of them 0, as pictures of digits are: the first layer takes its other way. */
const PICTURES = {
  values: makeBytes(40 * 50, 1).map((value) => (value < 180 ? 0 : value)),
  count: 40,
  dim: 50,
};
/** Numbers on both sides of 0. */
const MEASUREMENTS = {
  values: Float32Array.from(makeBytes(40 * 17, 2), (value) => value / 64 - 2),
  count: 40,
  dim: 17,
};

const MODELS = [
  { config: { inputDim: 50, hidden: [33], latentDim: 2, seed: 5 }, rows: PICTURES },
  {
    config: /** @type {const} */ ({
      inputDim: 17,
      hidden: [24, 10],
      latentDim: 3,
      activation: "tanh",
      likelihood: "gaussian",
      seed: 6,
    }),
    rows: MEASUREMENTS,
  },
];

/** Five steps an epoch. */
const TWENTY_STEPS = { epochs: 4, batchSize: 8, learningRate: 1e-2 };

/** All weights and biases, one after the other. */
function weights(/** @type {Vae} */ vae) {
  return Float32Array.from(vae.tensors().flatMap(({ data }) => [...data]));
}

/** What a model computes as it stands. */
function use(/** @type {Vae} */ vae, /** @type {Uint8Array | Float32Array} */ rows) {
  const { mu, logvar } = vae.encode(rows);
  const { reconstruction, kl } = vae.losses(rows);
  const score = vae.score(rows, { samples: 5, seed: 4 });
  return {
    mu,
    logvar,
    decode: vae.decode(mu),
    sample: vae.sample(70, { seed: 3 }),
    reconstruction,
    kl,
    score,
  };
}

/** The bytes of an array, in hexadecimal digits: what passes through any pipe. */
function hex(/** @type {Uint8Array | Float32Array | Float64Array} */ { buffer, byteOffset, byteLength }) {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A model file, read and written again, is the same file. */
function roundTrip(/** @type {Elbow} */ { parseModel, serializeModel }, /** @type {Uint8Array} */ bytes) {
  const { config, tensors, info } = parseModel(bytes);
  const again = serializeModel({ config, tensors: () => [...tensors.values()] }, info);
  if (hex(again) !== hex(bytes))
    throw new Error("a model file that was read and written again has other bytes");
  return { config, tensors };
}

/**
 * Runs the checks on one entry of the package.
 *
 * @param {Elbow} elbow `elbow-vae` or `elbow-vae/edge`
 * @param {object} given
 * @param {Uint8Array} given.model a model file
 * @param {WebAssembly.Module} [given.kernels] build/kernels.wasm; without it the entry finds its kernels itself
 * @param {number} [given.workers] how many train
 * @returns {Promise<Record<string, string>>} bytes in hexadecimal digits, by the name of what they are
 */
export async function check(elbow, { model, kernels, workers }) {
  /** @type {Record<string, string>} */
  const results = {};
  const keep = (/** @type {string} */ name, /** @type {Parameters<typeof hex>[0]} */ values) => {
    results[name] = hex(values);
  };
  const create = (/** @type {VaeConfig} */ config, /** @type {Tensors | undefined} */ tensors = undefined) =>
    kernels
      ? elbow.Vae.fromModule(config, kernels, tensors && { tensors })
      : elbow.Vae.create(config, { arithmetic: "simd", ...(tensors && { tensors }) });

  const file = roundTrip(elbow, model);
  keep("model file", (await create(file.config, file.tensors)).encode(MEASUREMENTS.values).mu);
  for (const { config, rows } of MODELS) {
    const vae = await create(config);
    const { likelihood } = vae.config;
    for (const [what, values] of Object.entries(use(vae, rows.values))) keep(`${likelihood} ${what}`, values);
    const losses = [];
    const options = { ...TWENTY_STEPS, test: rows, ...(workers && { workers }) };
    for await (const { trainLoss, testLoss } of elbow.train(vae, rows, options))
      losses.push(trainLoss, testLoss ?? 0);
    keep(`${likelihood} losses`, Float64Array.from(losses));
    keep(`${likelihood} trained`, weights(vae));
  }
  return results;
}

/** The file that `check` is given: a model whose weights are those of its seed. */
export async function makeModel(/** @type {Elbow} */ { Vae, serializeModel }) {
  return serializeModel(await Vae.create({ ...MODELS[1].config, seed: 9 }, { arithmetic: "simd" }));
}
