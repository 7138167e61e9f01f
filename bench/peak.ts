import type { Arithmetic } from "../src/wasm/builds.ts";
import type { Engine } from "../src/wasm/tiles.ts";
import { assemble, exportedFunction } from "./assemble.ts";

/** The most that a core can do, derived from its clock. */
export interface Peak {
  /** Cycles a second while a chain of one-cycle operations runs. */
  readonly hertz: number;
  /** Float32 lanes of the widest register that the engine's code uses. */
  readonly lanes: number;
  /** Floating-point operations a second. */
  readonly flops: number;
}

/** What is assumed of the processor: two multiply-adds a cycle, each on a whole register; a multiply-add counts as two. */
const UNITS = 2;
const FLOPS_A_LANE = 2;

const OPERATIONS_A_ROUND = 64;
const ROUNDS = 200_000;

/** The clock, as the best of some runs; so short that nobody interrupts all of them. */
function clock(runs: number): number {
  const chain = exportedFunction(assemble("chain", "simd"), "chain");
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    chain(ROUNDS, i, 0x9e3779b1, 0x85ebca6b);
    best = Math.min(best, performance.now() - start);
  }
  return (ROUNDS * OPERATIONS_A_ROUND * 1000) / best;
}

/** Without fused multiply-add, a multiplication and an addition take the units one after the other. */
export function derivePeak(engine: Engine, arithmetic: Arithmetic, quick: boolean): Peak {
  const hertz = clock(quick ? 40 : 200);
  const lanes = engine.revectorized ? 8 : 4;
  const perLane = arithmetic === "relaxed" ? FLOPS_A_LANE : 1;
  return { hertz, lanes, flops: hertz * UNITS * lanes * perLane };
}
