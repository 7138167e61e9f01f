/** The steps of a trace in jax-js, which counts references: a value that is used once more is passed as `value.ref`. */

const JAX = "https://cdn.jsdelivr.net/npm/@jax-js/jax@0.1.25/dist/index.js";
const BACKENDS = { webgpu: "WebGPU", wasm: "WebAssembly, one thread" };
const TIMED_PASSES = 3;

/** [out, in] → [in, out], as x·W wants it. */
function transpose(data, [n, k]) {
  const result = new Float32Array(n * k);
  for (let j = 0; j < n; j++) for (let i = 0; i < k; i++) result[i * n + j] = data[j * k + i];
  return result;
}

/** The negative ELBO, summed over the batch; parameters are pairs of weight and bias in the order of the file. */
function lossOf({ np, nn }, { hidden, activation, likelihood }) {
  const depth = hidden.length;
  const linear = (x, [w, b]) => np.add(np.matmul(x, w), b);
  const activate = { relu: nn.relu, tanh: np.tanh, silu: (x) => x.ref.mul(nn.sigmoid(x)) }[activation];
  return (parameters, x, eps) => {
    const layers = parameters.flatMap((_, i) => (i % 2 === 0 ? [[parameters[i], parameters[i + 1]]] : []));
    let h = x.ref;
    for (const layer of layers.slice(0, depth)) h = activate(linear(h, layer));
    const mu = linear(h.ref, layers[depth]);
    const logvar = linear(h, layers[depth + 1]);
    h = mu.ref.add(np.exp(logvar.ref.mul(0.5)).mul(eps));
    for (const layer of layers.slice(depth + 2, -1)) h = activate(linear(h, layer));
    const out = linear(h, layers.at(-1));
    // Σ softplus(s) − s·x is the cross-entropy from logits
    const reconstruction =
      likelihood === "bernoulli"
        ? np.sum(nn.softplus(out.ref).sub(out.mul(x)))
        : np.sum(np.square(out.sub(x))).mul(0.5);
    const kl = np.sum(logvar.ref.add(1).sub(np.square(mu)).sub(np.exp(logvar))).mul(-0.5);
    return reconstruction.add(kl);
  };
}

/** One compiled function for a whole step; `watch` adds the norm of every gradient to what it returns. */
function compileStep(jax, trace, watch) {
  const { np, jit, valueAndGrad } = jax;
  const { beta1, beta2 } = trace.adam;
  const loss = lossOf(jax, trace.config);
  return jit((w, m, v, x, eps, rate, epsilon) => {
    const [value, gradients] = valueAndGrad(loss)(
      w.map((one) => one.ref),
      x,
      eps,
    );
    const next = { w: [], m: [], v: [], norms: [] };
    gradients.forEach((g, i) => {
      if (watch) next.norms.push(np.sqrt(np.sum(np.square(g.ref))));
      const mNext = m[i].mul(beta1).add(g.ref.mul(1 - beta1));
      const vNext = v[i].mul(beta2).add(np.square(g).mul(1 - beta2));
      next.w.push(w[i].sub(mNext.ref.mul(rate.ref).div(np.sqrt(vNext.ref).add(epsilon.ref))));
      next.m.push(mNext);
      next.v.push(vNext);
    });
    rate.dispose();
    epsilon.dispose();
    return [value, next.w, next.m, next.v, next.norms];
  });
}

/** A model at the trace's start, that makes its steps. */
class Replay {
  #jax;
  #trace;
  #batches;
  #compiled;
  #w;
  #m;
  #v;
  #done = 0;

  constructor(jax, trace, batches, compiled) {
    const { np } = jax;
    this.#jax = jax;
    this.#trace = trace;
    this.#batches = batches;
    this.#compiled = compiled;
    const sizes = trace.parameters.map(({ shape }) => shape.toReversed());
    this.#w = trace.parameters.map(({ shape, data }, i) =>
      np.array(shape.length === 2 ? transpose(data, shape) : data.slice()).reshape(sizes[i]),
    );
    this.#m = sizes.map((shape) => np.zeros(shape));
    this.#v = sizes.map((shape) => np.zeros(shape));
  }

  /** Bias corrections are in the rate and in ε, as PyTorch's Adam comes to. */
  step() {
    const { np } = this.#jax;
    const { adam, learningRate } = this.#trace;
    const { x, eps } = this.#batches[this.#done++];
    const correction = Math.sqrt(1 - adam.beta2 ** this.#done);
    const rate = np.array((learningRate * correction) / (1 - adam.beta1 ** this.#done));
    const [loss, w, m, v, norms] = this.#compiled(
      this.#w,
      this.#m,
      this.#v,
      x.ref,
      eps.ref,
      rate,
      np.array(adam.epsilon * correction),
    );
    [this.#w, this.#m, this.#v] = [w, m, v];
    return { loss, norms };
  }

  async finish() {
    await this.#jax.blockUntilReady(this.#w.map((one) => one.ref));
    for (const one of [...this.#w, ...this.#m, ...this.#v]) one.dispose();
  }
}

/** Every step's rows and noise, on the device beforehand. */
function uploadBatches({ np }, { config, sizes, noise }, x) {
  const { inputDim, latentDim } = config;
  let row = 0;
  return Array.from(sizes, (count) => {
    const part = x.subarray(row * inputDim, (row + count) * inputDim);
    const floats = part instanceof Uint8Array ? Float32Array.from(part, (byte) => byte / 255) : part.slice();
    const eps = noise.slice(row * latentDim, (row + count) * latentDim);
    row += count;
    return { x: np.array(floats).reshape([count, inputDim]), eps: np.array(eps).reshape([count, latentDim]) };
  });
}

function relative(found, expected) {
  const largest = Math.max(Math.abs(found), Math.abs(expected));
  const difference = largest > 0 ? Math.abs(found - expected) / largest : 0;
  return Number.isFinite(difference) ? difference : Infinity;
}

/** What differs in every step. Every result is read, so this is also the warm-up. */
async function compare(jax, trace, batches, say) {
  const replay = new Replay(jax, trace, batches, compileStep(jax, trace, true));
  const found = [];
  for (let i = 0; i < batches.length; i++) {
    const { loss, norms } = replay.step();
    const value = (await loss.data())[0];
    const differences = [];
    for (const [j, norm] of norms.entries()) {
      differences.push(relative((await norm.data())[0], trace.parameters[j].norms[i]));
    }
    const gradient = Math.max(...differences);
    const worst = trace.parameters[differences.indexOf(gradient)]?.name ?? "";
    const rows = trace.sizes[i];
    found.push({
      ours: trace.losses[i] / rows,
      theirs: value / rows,
      loss: relative(value, trace.losses[i]),
      gradient,
      worst,
    });
    if (i % 5 === 0) await say(`Step ${i + 1} of ${batches.length} …`);
  }
  await replay.finish();
  return found;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** The median of some passes over the trace, in which nothing is read before the end; one more warms up. */
async function stepsPerSecond(jax, trace, batches, say) {
  const compiled = compileStep(jax, trace, false);
  const rates = [];
  for (let pass = 0; pass <= TIMED_PASSES; pass++) {
    await say(pass === 0 ? "Warming up …" : `Timing, pass ${pass} of ${TIMED_PASSES} …`);
    const replay = new Replay(jax, trace, batches, compiled);
    await jax.blockUntilReady(batches.map(({ x }) => x.ref));
    const start = performance.now();
    for (let i = 0; i < batches.length; i++) replay.step().loss.dispose();
    await replay.finish();
    if (pass > 0) rates.push((1000 * batches.length) / (performance.now() - start));
  }
  return median(rates);
}

async function openBackend(wanted) {
  let module;
  try {
    module = await import(JAX);
  } catch (cause) {
    const { host } = new URL(JAX);
    throw new Unusable(`jax-js could not be loaded from ${host}; is there a network?`, { cause });
  }
  const order = wanted === "auto" ? ["webgpu", "wasm"] : [wanted];
  const there = await module.init(...order);
  const device = order.find((name) => there.includes(name));
  if (!device) {
    const missing = BACKENDS[wanted];
    throw new Unusable(`this browser has no ${missing} that a page may use; choose the other backend`);
  }
  module.defaultDevice(device);
  const adapter = device === "webgpu" ? module.getWebGPUDevice().adapterInfo : undefined;
  const gpu = adapter?.description || [adapter?.vendor, adapter?.architecture].filter(Boolean).join(" ");
  const where = BACKENDS[device] + (gpu && ` (${gpu})`);
  const { numpy: np, nn, jit, valueAndGrad, blockUntilReady } = module;
  return { np, nn, jit, valueAndGrad, blockUntilReady, device, where };
}

Object.assign(globalThis, { TIMED_PASSES, compare, median, openBackend, stepsPerSecond, uploadBatches });
