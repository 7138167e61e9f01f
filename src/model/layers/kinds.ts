import type { Layer } from "../architecture.ts";
import { type DenseOwn, dense } from "./dense.ts";
import type { LayerKind } from "./layer.ts";

/** What the kinds of layer are: a file and a line for each. */
const KINDS = { dense };

/** What only a layer's own kind knows how to read. */
export type Own = DenseOwn;

export function kindOf(layer: Layer): LayerKind<Layer, Own> {
  return KINDS[layer.kind];
}
