import { Kernels } from "../src/wasm/kernels.ts";
import type { Weights } from "../src/wasm/matrix.ts";

/** Seconds, by what was called. */
export type Times = Map<string, number>;

/** What a product does in its layer. */
const PASS: Readonly<Record<string, string>> = {
  linear: "forward",
  linearSparse: "forward",
  linearBackwardInput: "backward",
  linearUpdate: "update",
  linearUpdateSparse: "update",
};

/** The default model's layer that has these weights. */
function layerOf({ k, panels }: Weights): string {
  if (k === 784) return "fc1";
  if (k === 2) return "fc3";
  return panels > 2 ? "fc4" : "heads";
}

function isWeights(value: unknown): value is Weights {
  return typeof value === "object" && value !== null && "k" in value;
}

/** `fc4 forward`, `fc1 update` for a product; `bernoulli`, `reluBackward` where a kernel is asked for by name. */
function nameOf(method: string, given: readonly unknown[]): string {
  const pass = PASS[method];
  if (pass) return `${layerOf(given.find(isWeights)!)} ${pass}`;
  return typeof given[0] === "string" ? given[0] : method;
}

/** The kernels with a clock around each call. Reading it twice costs about 0.1 µs a call, some 30 calls a step. */
export function timedKernels(kernels: Kernels, times: Times): Kernels {
  const methods = Object.entries(Object.getOwnPropertyDescriptors(Kernels.prototype)).map(
    ([method, { value }]) => {
      const timed = (...given: unknown[]): unknown => {
        const start = performance.now();
        const result: unknown = Reflect.apply(value, kernels, given);
        const seconds = (performance.now() - start) / 1000;
        const name = nameOf(method, given);
        times.set(name, (times.get(name) ?? 0) + seconds);
        return result;
      };
      return [method, { value: timed }] as const;
    },
  );
  return Object.create(kernels, Object.fromEntries(methods)) as Kernels;
}
