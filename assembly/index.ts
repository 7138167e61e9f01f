// What TypeScript calls (src/wasm/kernels.ts gives each its types and its words). Kernels own no memory: pointers and
// sizes in, numbers out.

export { NONE, RELU, reluBackward, TANH, tanhBackward } from "./activation";
export { adamRows } from "./adam";
export { gatherBytes, gatherFloats } from "./gather";
export { kl, latentBackward, reparameterize } from "./latent";
export { bernoulli, gaussian, sigmoid } from "./likelihood";
export { linear, linearBackwardInput, linearBackwardWeight, linearUpdate } from "./linear";
export { countEntries, listColumns, listRows } from "./lists";
export { philoxNormal, philoxUniform } from "./philox";
export { linearSparse, linearUpdateSparse } from "./sparse";
export { TILE_4X8, TILE_4X16, TILE_6X8, TILE_6X16 } from "./tile";
export { transpose } from "./transpose";

/** Where the static data ends: memory from here on is the caller's. */
export function heapBase(): usize {
  return __heap_base;
}
