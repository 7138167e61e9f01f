// What TypeScript calls (src/wasm/kernels.ts gives each its types and its words). Kernels own no memory: pointers and
// sizes in, numbers out.

export * from "../src/wasm/layout";
export { reluBackward, tanhBackward } from "./activation";
export { adamRows } from "./adam";
export { gatherBytes, gatherFloats } from "./gather";
export { kl, latentBackward, reparameterize } from "./latent";
export { bernoulli, gaussian, sigmoid } from "./likelihood";
export { linear, linearBackwardInput, linearBackwardWeight, linearUpdate } from "./linear";
export { countEntries, listColumns, listRows } from "./lists";
export { philoxNormal, philoxUniform } from "./philox";
export { linearSparse, linearUpdateSparse } from "./sparse";
export { transpose } from "./transpose";

/** 1 where multiply-add rounds once (simd.ts, madd), 0 where it rounds twice, the same everywhere. */
export const FUSED: i32 = i32(ASC_FEATURE_RELAXED_SIMD);

/** Where the static data ends: memory from here on is the caller's. */
export function heapBase(): usize {
  return __heap_base;
}
