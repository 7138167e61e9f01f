/** A tensor as files hold it: row-major, in PyTorch's order. */
export interface NamedTensor {
  /** PyTorch's: `fc1.weight`, `encoder.0.bias`, … */
  readonly name: string;
  /** [out, in] for weights, [out] for biases. */
  readonly shape: readonly number[];
  /** As many numbers as the shape says. */
  readonly data: Float32Array;
}

/** Tensors by their names, as `parseModel` returns them: [out, in] or [out], row-major. */
export type Tensors = ReadonlyMap<string, Pick<NamedTensor, "data">>;

/**
 * Tensors by their names.
 *
 * @internal
 */
export function byName<T extends { readonly name: string }>(tensors: readonly T[]): Map<string, T> {
  return new Map(tensors.map((tensor) => [tensor.name, tensor]));
}
