import type { VaeConfig } from "../src/model/config.ts";
import { parameterTable } from "../src/model/parameters.ts";

/**
 * Floating-point operations of the products that a row of data costs in training, zeros multiplied like any number: two
 * a weight forward, two for its gradient, and two for the gradient of its input, which the first layer does not need.
 */
export function flopsPerRow(config: VaeConfig): number {
  const weights = parameterTable(config).tensors.filter(([, { length }]) => length === 2);
  return weights.reduce((sum, [, [n, k]], i) => sum + (i === 0 ? 4 : 6) * k! * n!, 0);
}
