import { type Kernels, panelsOf } from "../src/wasm/kernels.ts";

/** Seconds and calls, by what was called. */
export type Times = Map<string, { seconds: number; calls: number }>;

/** Which layer a product belongs to is told by its k, its panels, and where its weights stand. */
export type NameOfCall = (kernel: keyof Kernels, args: readonly number[]) => string;

/** The kernels with a clock around each call. Reading it twice costs about 0.1 µs a call, some 30 calls a step. */
export function timedKernels(kernels: Kernels, times: Times, nameOf: NameOfCall): Kernels {
  const timed = Object.keys(kernels).filter((name) => typeof Reflect.get(kernels, name) === "function");
  const entries = timed.map((name) => {
    const kernel = name as keyof Kernels;
    const call = kernels[kernel] as (...args: number[]) => unknown;
    const wrapped = (...args: number[]): unknown => {
      const start = performance.now();
      const result = call(...args);
      const seconds = (performance.now() - start) / 1000;
      const key = nameOf(kernel, args);
      const entry = times.get(key);
      if (entry) {
        entry.seconds += seconds;
        entry.calls++;
      } else {
        times.set(key, { seconds, calls: 1 });
      }
      return result;
    };
    return [kernel, wrapped] as const;
  });
  return Object.fromEntries(entries) as unknown as Kernels;
}

/** Names a product of the default model: `fc4 forward`, `fc1 gradient + Adam`; any other call is named by its kernel. */
export function nameOfCall(kernel: keyof Kernels, args: readonly number[]): string {
  const layer = (k: number, panels: number): string => {
    if (k === 784) return "fc1";
    if (k === 2) return "fc3";
    return panels > 2 ? "fc4" : "heads";
  };
  switch (kernel) {
    case "linear":
      return `${layer(args[7]!, args[6]!)} forward`;
    case "linearSparse":
      return `${layer(args[9]!, args[8]!)} forward`;
    case "linearBackwardInput":
      return `${layer(args[6]!, panelsOf(args[7]!))} backward`;
    case "linearUpdate":
      return `${layer(args[8]!, args[10]! / panelsOf(args[8]!))} update`;
    case "linearUpdateSparse":
      return `${layer(args[11]!, args[10]!)} update`;
    default:
      return kernel;
  }
}
