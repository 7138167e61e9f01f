import { permutation } from "../random/permutation.ts";

/**
 * The order in which an epoch visits the rows: row `order[i]` is the i-th. Depends on its arguments only.
 * @param epoch counts from 0
 * @param out [count], to reuse memory; returned
 */
export function epochOrder(count: number, seed: number, epoch: number, out?: Uint32Array): Uint32Array {
  return permutation(count, seed, epoch, out);
}

/** Steps of one epoch. The last batch may be smaller, as in PyTorch's DataLoader without `drop_last`. */
export function stepsPerEpoch(count: number, batchSize: number): number {
  return Math.ceil(count / batchSize);
}

/** Rows in the batches of the first `steps` steps, over any number of epochs. */
export function rowsInSteps(count: number, batchSize: number, steps: number): number {
  const perEpoch = stepsPerEpoch(count, batchSize);
  return Math.floor(steps / perEpoch) * count + Math.min(count, (steps % perEpoch) * batchSize);
}

/** Rows in the batch of a step: `batchSize`, or fewer in the last one. */
export function rowsInStep(count: number, batchSize: number, stepInEpoch: number): number {
  return Math.max(0, Math.min(batchSize, count - stepInEpoch * batchSize));
}
