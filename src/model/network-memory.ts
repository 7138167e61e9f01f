import type { Arena } from "../wasm/arena.ts";
import type { Latent } from "../wasm/kernels.ts";
import { LANES, ROW_BYTES } from "../wasm/layout.ts";
import { type Matrix, panelsOf, roundUp, splitPanels } from "../wasm/matrix.ts";
import { architecture, type Layer } from "./architecture.ts";
import type { VaeConfig } from "./config.ts";
import { kindOf, type Own } from "./layers/kinds.ts";
import type { NetworkUse, Places, TransposeRoom } from "./layers/layer.ts";
import { type ObjectiveMemory, planObjective } from "./objective.ts";

/** Where a network's activations and their gradients are in memory; gradients are there for training only. */
export interface NetworkMemory {
  readonly x: Matrix;
  readonly latent: Latent;
  readonly out: Matrix;
  /** The gradients of z, μ and log σ². */
  readonly dLatent: Pick<Latent, "z" | "mu" | "logvar"> | undefined;
  readonly transposes: TransposeRoom;
  readonly objective: ObjectiveMemory;
  /** The layers' places, each half in the order of the forward pass. */
  readonly encoder: readonly LayerMemory[];
  readonly decoder: readonly LayerMemory[];
}

export type LayerMemory = Omit<Places<Own>, "parameters" | "transposes"> & { readonly layer: Layer };

/** Plans the memory of a network, in the order in which the forward pass uses it. */
export function planNetwork(arena: Arena, config: VaeConfig, use: NetworkUse): NetworkMemory {
  const { capacity, training } = use;
  const { encoder, decoder } = architecture(config);
  const matrix = (name: string, panels: number): Matrix => arena.matrix(name, capacity, panels);
  /** Each layer reads what the one before writes, and its gradient goes there. */
  const chain = (layers: readonly Layer[], input: Matrix, dInput: Matrix | undefined): LayerMemory[] => {
    let [x, dx] = [input, dInput];
    return layers.map((layer) => {
      const { y, own } = kindOf(layer).plan(arena, layer, use, config);
      const { name, role } = layer.output;
      // the output is overwritten by its own gradient
      const dy = role === "output" ? y : training ? matrix(`d ${name}`, y.panels) : undefined;
      const place = { layer, x, y, own, dx, dy };
      [x, dx] = [y, dy];
      return place;
    });
  };
  const x = matrix("x", panelsOf(config.inputDim));
  const up = chain(encoder, x, undefined);
  const eps = matrix("eps", panelsOf(config.latentDim));
  const z = matrix("z", eps.panels);
  const dz = training ? matrix("d z", z.panels) : undefined;
  const down = chain(decoder, z, dz);

  const stride =
    Math.max(...[...up, ...down].flatMap((place) => [place.x.panels, place.y.panels])) * LANES * ROW_BYTES;
  const transposed = (name: string) => {
    return { at: arena.region(name, training ? panelsOf(capacity) * stride : 0).at, stride };
  };
  const { y: heads, dy: dHeads } = up.at(-1)!;
  return {
    x,
    latent: { ...posterior(heads), eps, z },
    out: down.at(-1)!.y,
    dLatent: dHeads && dz && { ...posterior(dHeads), z: dz },
    transposes: { dyT: transposed("dy transposed"), dxT: transposed("dx transposed") },
    objective: planObjective(arena, roundUp(capacity, LANES)),
    encoder: up,
    decoder: down,
  };
}

/** The two halves of the encoder's output. */
function posterior(heads: Matrix): Pick<Latent, "mu" | "logvar"> {
  const [mu, logvar] = splitPanels(heads, 2);
  return { mu: mu!, logvar: logvar! };
}
