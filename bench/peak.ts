import type { Arithmetic } from "../src/wasm/builds.ts";
import type { Engine } from "../src/wasm/tiles.ts";
import { assemble, exportedFunction } from "./assemble.ts";
import { median } from "./measure.ts";

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

let chain: ((...args: number[]) => number) | undefined;

/** Each run's clock; runs are so short that nobody interrupts all of them. */
function clocks(runs: number, rounds: number, before: () => void): number[] {
  chain ??= exportedFunction(assemble("chain", "simd"), "chain");
  const run = chain;
  return Array.from({ length: runs }, (_, i) => {
    before();
    const start = performance.now();
    run(rounds, i, 0x9e3779b1, 0x85ebca6b);
    return (rounds * OPERATIONS_A_ROUND * 1000) / (performance.now() - start);
  });
}

/** How long work runs before each look at the clock, in ms. */
const LOAD_MS = 1;

/**
 * The clock right after some work, as a median. Processors run slower under wide multiply-adds than without them, and
 * slower or faster from minute to minute. The peak is derived from the fastest clock all the same; this one tells how
 * much of its own cycles a kernel uses.
 */
export function clockAfter(work: () => void): number {
  const load = (): void => {
    const end = performance.now() + LOAD_MS;
    while (performance.now() < end) work();
  };
  return median(clocks(60, ROUNDS / 20, load).slice(10));
}

/** A core's operations a second, were it to run at this clock. */
export function peakAt(hertz: number, { flops, hertz: fastest }: Peak): number {
  return (flops * hertz) / fastest;
}

/** Without fused multiply-add, a multiplication and an addition take the units one after the other. */
export function derivePeak(engine: Engine, arithmetic: Arithmetic, quick: boolean): Peak {
  const hertz = Math.max(...clocks(quick ? 60 : 300, ROUNDS, () => {}));
  const lanes = engine.revectorized ? 8 : 4;
  const perLane = arithmetic === "relaxed" ? FLOPS_A_LANE : 1;
  return { hertz, lanes, flops: hertz * UNITS * lanes * perLane };
}
