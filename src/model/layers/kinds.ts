import type { Layer } from "../architecture.ts";
import { type DenseOwn, dense, denseView } from "./dense.ts";
import type { LayerKind, LayerView } from "./layer.ts";

/** What the kinds of layer are: a file and a line for each. */
const KINDS = { dense };
const VIEWS = { dense: denseView };

/** What only a layer's own kind knows how to read. */
export type Own = DenseOwn;

export function kindOf(layer: Layer): LayerKind<Layer, Own> {
  return KINDS[layer.kind];
}

export function viewOf(layer: Layer): LayerView<Layer> {
  return VIEWS[layer.kind];
}
