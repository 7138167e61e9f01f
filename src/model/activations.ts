import type { Finish, Kernels } from "../wasm/kernels.ts";

type Elementwise = Parameters<Kernels["elementwise"]>[0];

/** The activation of the hidden layers: max(0, x), the hyperbolic tangent, or x·σ(x). */
export type Activation = "relu" | "tanh" | "silu";

/**
 * An activation of hidden layers: all that the rest of the code has to know about it.
 *
 * @internal
 */
export interface ActivationEntry {
  /** How y = f(x) is computed: by the product itself as it finishes its sums, or by a kernel of its own. */
  readonly fused?: Finish;
  readonly forward?: Elementwise;
  /** The kernel of dy ← dy·f′, and whether it reads the output y or the input x. */
  readonly backward: Elementwise;
  readonly reads: "output" | "input";
  /** Whether many of its outputs are zero, so that products over nonzeros may be faster. */
  readonly sparse?: boolean;
  /** Its class in torch.nn. */
  readonly torch: string;
  /** Its operator in ONNX, and whether that multiplies x. */
  readonly onnx: string;
  readonly gate?: boolean;
}

/** @internal */
export const ACTIVATIONS: Readonly<Record<Activation, ActivationEntry>> = {
  relu: {
    fused: "relu",
    backward: "reluBackward",
    reads: "output",
    sparse: true,
    torch: "ReLU",
    onnx: "Relu",
  },
  tanh: { fused: "tanh", backward: "tanhBackward", reads: "output", torch: "Tanh", onnx: "Tanh" },
  silu: {
    forward: "silu",
    backward: "siluBackward",
    reads: "input",
    torch: "SiLU",
    onnx: "Sigmoid",
    gate: true,
  },
};
