import type { Arena } from "../wasm/arena.ts";
import type { Latent } from "../wasm/kernels.ts";
import { LANES, ROW_BYTES } from "../wasm/layout.ts";
import { type Matrix, panelsOf, roundUp, splitPanels } from "../wasm/matrix.ts";
import { architecture, type Layer } from "./architecture.ts";
import type { VaeConfig } from "./config.ts";
import { kindOf, type Own } from "./layers/kinds.ts";
import type { ForwardPlaces, NetworkUse, Places } from "./layers/layer.ts";
import { type ObjectiveMemory, planObjective } from "./objective.ts";

/** Where a network's activations and their gradients are in memory. */
export interface NetworkMemory {
  readonly x: Matrix;
  readonly latent: Latent;
  readonly out: Matrix;
  /** The gradients of z, μ and log σ². */
  readonly dLatent: Pick<Latent, "z" | "mu" | "logvar"> | undefined;
  readonly objective: ObjectiveMemory;
  /** The layers' places, encoder before decoder, each in the order of the forward pass. */
  readonly encoder: readonly LayerMemory[];
  readonly decoder: readonly LayerMemory[];
}

export type LayerMemory = Omit<Places<Own>, "parameters"> & { readonly layer: Layer };

/** Plans the memory of a network, in the order in which the forward pass uses it. */
export function planNetwork(arena: Arena, config: VaeConfig, use: NetworkUse): NetworkMemory {
  const { capacity, training } = use;
  const { encoder, decoder } = architecture(config);
  const matrix = (name: string, panels: number): Matrix => arena.matrix(name, capacity, panels);
  const forward = (layers: readonly Layer[], input: Matrix) => {
    const places: (ForwardPlaces<Own> & { readonly layer: Layer })[] = [];
    for (const layer of layers) {
      const x = places.at(-1)?.y ?? input;
      places.push({ layer, ...kindOf(layer).plan(arena, layer, x, use, config) });
    }
    return places;
  };
  const x = matrix("x", panelsOf(config.inputDim));
  const up = forward(encoder, x);
  const eps = matrix("eps", panelsOf(config.latentDim));
  const z = matrix("z", eps.panels);
  const down = forward(decoder, z);
  const latent = { ...posterior(up.at(-1)!.y), eps, z };
  const objective = planObjective(arena, roundUp(capacity, LANES));

  const all = [...up, ...down];
  const room = Math.max(...all.flatMap(({ x, y }) => [x.panels, y.panels])) * LANES * ROW_BYTES;
  const transposed = (name: string) => ({
    at: arena.region(name, panelsOf(capacity) * room).at,
    stride: room,
  });
  const backward = (places: typeof up, first: Matrix | undefined): LayerMemory[] => {
    // the output is overwritten by its own gradient
    const d = places.map(({ layer: { output }, y }) => {
      if (!training) return undefined;
      return output.role === "output" ? y : matrix(`d ${output.name}`, y.panels);
    });
    return places.map((place, i) => ({ ...place, dy: d[i], dx: i === 0 ? first : d[i - 1], transposes }));
  };
  const transposes = training
    ? { dyT: transposed("dy transposed"), dxT: transposed("dx transposed") }
    : undefined;
  const dz = training ? matrix("d z", z.panels) : undefined;
  const [before, after] = [backward(up, undefined), backward(down, dz)];
  const dHeads = before.at(-1)!.dy;
  const dLatent = dHeads && dz && { z: dz, ...posterior(dHeads) };
  return { x, latent, out: down.at(-1)!.y, dLatent, objective, encoder: before, decoder: after };
}

/** The two halves of the encoder's output. */
function posterior(heads: Matrix): Pick<Latent, "mu" | "logvar"> {
  const [mu, logvar] = splitPanels(heads, 2);
  return { mu: mu!, logvar: logvar! };
}
