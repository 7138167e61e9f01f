import { ACTIVATIONS, GRADIENT_BYTES, LANES, panelsOf, ROW_BYTES } from "../../src/wasm/kernels.ts";
import { adamStep } from "../../test/reference/adam.ts";
import {
  columnSums,
  matmulBackwardInput,
  matmulBackwardWeight,
  matmulForward,
  transpose,
} from "../../test/reference/matmul.ts";
import {
  matmulBackwardInputTolerance,
  matmulBackwardWeightTolerance,
  matmulForwardTolerance,
} from "../../test/reference/tolerance.ts";
import { adamCoefficients } from "../../test/support/adam.ts";
import { float32, type KernelMemory, type Panels, rowsOf } from "../../test/support/kernel-memory.ts";
import { uniforms } from "../../test/support/uniforms.ts";
import { bytesOf, type Case, expectClose, SLACK } from "./case.ts";

/** A dense layer of the model: k inputs, n outputs. */
export interface LayerShape {
  readonly name: string;
  readonly k: number;
  readonly n: number;
  readonly relu: boolean;
}

export interface Model {
  readonly batch: number;
  readonly tile: number;
}

/** The four layers of the default model; μ and log σ² are one of 2 × 16 lanes. */
export const LAYERS: readonly LayerShape[] = [
  { name: "fc1", k: 784, n: 400, relu: true },
  { name: "heads", k: 400, n: 2 * LANES, relu: false },
  { name: "fc3", k: 2, n: 400, relu: true },
  { name: "fc4", k: 400, n: 784, relu: false },
];

const BIG = 64;

function isBig({ k, n }: LayerShape): boolean {
  return k >= BIG && n >= BIG;
}

function weights(
  memory: KernelMemory,
  { k, n }: LayerShape,
): { w: Float32Array; b: Float32Array; at: Panels } {
  const bound = 1 / Math.sqrt(k);
  const w = float32(uniforms(k + 1, k * n, -bound, bound));
  const b = float32(uniforms(n + 2, n, -bound, bound));
  return { w, b, at: memory.putWeights(w, b, k, n) };
}

export function linearCase(layer: LayerShape, { batch, tile }: Model): Case {
  const { name, k, n, relu } = layer;
  return {
    kernel: "linear",
    what: `${name}: ${batch}×${n}×${k}`,
    flops: 2 * batch * k * n,
    bytes: bytesOf(batch * k, (k + 1) * n, batch * n),
    big: isBig(layer),
    prepare(memory) {
      const values = float32(uniforms(3, batch * k));
      const x = memory.put(values, batch, k, SLACK);
      const y = memory.room(batch, n, SLACK);
      const { w, b, at } = weights(memory, layer);
      const activation = relu ? ACTIVATIONS.relu : ACTIVATIONS.none;
      const { linear } = memory.kernels;
      return {
        run: () => linear(y.at, y.stride, x.at, x.stride, at.at, batch, y.panels, k, activation, tile),
        check() {
          const sums = matmulForward(values, w, b, batch, k, n);
          const expected = relu ? sums.map((sum) => Math.max(0, sum)) : sums;
          expectClose(memory.get(y), expected, matmulForwardTolerance(values, w, b, batch, k, n));
        },
      };
    },
  };
}

export function backwardInputCase(layer: LayerShape, { batch, tile }: Model): Case {
  const { name, k, n } = layer;
  return {
    kernel: "linearBackwardInput",
    what: `${name}: ${batch}×${k}×${n}`,
    flops: 2 * batch * k * n,
    bytes: bytesOf(batch * k, k * n, batch * n),
    big: isBig(layer),
    prepare(memory) {
      const dy = float32(uniforms(4, batch * n));
      const dyT = memory.put(float32(transpose(dy, batch, n)), n, batch, 0);
      const dxT = memory.room(panelsOf(k) * LANES, batch, 0);
      const { w, at } = weights(memory, layer);
      const { linearBackwardInput } = memory.kernels;
      return {
        run: () => linearBackwardInput(dxT.at, dxT.stride, dyT.at, dyT.stride, at.at, dxT.panels, k, n, tile),
        check() {
          const found = transpose(memory.get(rowsOf(dxT, 0, k)), k, batch);
          const expected = matmulBackwardInput(dy, w, batch, k, n);
          expectClose(found, expected, matmulBackwardInputTolerance(dy, w, batch, k, n));
        },
      };
    },
  };
}

export function backwardWeightCase(layer: LayerShape, { batch, tile }: Model): Case {
  const { name, k, n } = layer;
  return {
    kernel: "linearBackwardWeight",
    what: `${name}: ${k}×${n}×${batch}`,
    flops: 2 * batch * k * n,
    bytes: bytesOf(batch * k, (k + 1) * n, batch * n),
    big: isBig(layer),
    prepare(memory) {
      const values = float32(uniforms(5, batch * k));
      const deltas = float32(uniforms(6, batch * n));
      const x = memory.put(values, batch, k, SLACK);
      const dy = memory.put(deltas, batch, n, SLACK);
      const dw = memory.room(k + 1, n, 0);
      const last = panelsOf(k) * dy.panels;
      const { linearBackwardWeight } = memory.kernels;
      return {
        run: () => linearBackwardWeight(dw.at, x.at, x.stride, dy.at, dy.stride, batch, k, 0, last, tile),
        check() {
          const expected = matmulBackwardWeight(values, deltas, batch, k, n);
          const bound = matmulBackwardWeightTolerance(values, deltas, batch, k, n);
          expectClose(memory.get(rowsOf(dw, 0, k)), expected, bound);
          const bias = memory.get({ ...rowsOf(dw, 0, 1), at: dw.at + k * ROW_BYTES });
          expectClose(bias, columnSums(deltas, batch, n), 1e-4);
        },
      };
    },
  };
}

/** Adam divides by the gradient's size, so an error of rounding may grow where the gradient almost vanishes. */
const ADAM_BOUND = 1e-5;

export function updateCase(layer: LayerShape, { batch, tile }: Model): Case {
  const { name, k, n } = layer;
  return {
    kernel: "linearUpdate",
    what: `${name}: ${k}×${n}×${batch}, Adam`,
    flops: 2 * batch * k * n,
    bytes: bytesOf(batch * k, batch * n, 6 * (k + 1) * n),
    prepare(memory) {
      const values = float32(uniforms(7, batch * k));
      const deltas = float32(uniforms(8, batch * n));
      const x = memory.put(values, batch, k, SLACK);
      const dy = memory.put(deltas, batch, n, SLACK);
      const { w, b, at } = weights(memory, layer);
      const zeros = new Float32Array((k + 1) * n);
      const [m, v] = [zeros, zeros].map((values) => memory.put(values, k + 1, n, 0));
      const adam = memory.putVector(adamCoefficients(1));
      const gradient = memory.allocate(GRADIENT_BYTES);
      const last = panelsOf(k) * dy.panels;
      const { linearUpdate } = memory.kernels;
      return {
        // biome-ignore format: one call
        run: () => linearUpdate(
          at.at, m!.at, v!.at, x.at, x.stride, dy.at, dy.stride, batch, k, 0, last, gradient, adam, tile,
        ),
        check() {
          const expected = Float64Array.from([...w, ...b]);
          const dw = matmulBackwardWeight(values, deltas, batch, k, n);
          const gradients = Float64Array.from([...dw, ...columnSums(deltas, batch, n)]);
          adamStep(expected, new Float64Array(zeros.length), new Float64Array(zeros.length), gradients, 1);
          expectClose(memory.get(at), expected, ADAM_BOUND);
        },
      };
    },
  };
}
