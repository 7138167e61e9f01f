// The exports, which src/wasm/kernels.ts calls. Kernels own no memory: the caller plans it and passes pointers and
// sizes.

export { LAYOUT } from "../src/wasm/layout";
export * from "./activation";
export * from "./adam";
export * from "./gather";
export * from "./latent";
export * from "./likelihood";
export { linear, linearBackwardInput, linearBackwardWeight, linearUpdate } from "./linear";
export { countEntries, listColumns, listRows } from "./lists";
export * from "./philox";
export * from "./sparse";
export * from "./transpose";

/** 1 if multiply-add may be fused, 0 if it rounds twice and so is bitwise reproducible on every machine (simd.ts). */
export const FUSED: i32 = i32(ASC_FEATURE_RELAXED_SIMD);

/** Returns the end of the static data; the caller owns the memory above. */
export function heapBase(): usize {
  return __heap_base;
}
