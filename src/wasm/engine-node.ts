import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import type { Engine } from "./tiles.ts";

function v8Version(): readonly [major: number, minor: number] | undefined {
  const [major, minor] = (process.versions.v8 ?? "").split(".").map(Number);
  return major && minor !== undefined ? [major, minor] : undefined;
}

const v8 = v8Version();
let engine: Engine = { v8, revectorized: false };

/** What `tuneEngine` has made of it. */
export function currentEngine(): Engine {
  return engine;
}

/** The revectorizer made 256-bit code first in Node 24 (V8 13.6). */
const REVECTORIZER_SINCE = 13;

/** Whether the processor has 256-bit integer and floating-point arithmetic; Linux tells, elsewhere x64 is trusted. */
function hasAvx2(): boolean {
  if (process.arch !== "x64" || !["linux", "win32"].includes(process.platform)) return false;
  if (!existsSync("/proc/cpuinfo")) return true;
  return /\bavx2\b/.test(readFileSync("/proc/cpuinfo", "latin1"));
}

/**
 * Sets V8's flags for the kernels: optimised code at once instead of a slow first tier, relaxed SIMD where it is still
 * behind a flag (Node 20), and 256-bit code from pairs of 128-bit operations where V8 can make it (Node 24 and later,
 * x64). The flags hold for the whole process and for modules compiled afterwards, which is why a library does not set
 * them by itself: the command calls this first, and so may any program that owns its process.
 *
 * It changes speed, not bits, but for Node 20, where it makes fused multiply-add available.
 */
export function tuneEngine(): Engine {
  if (!v8) return engine;
  // Inlining relies on what the first tier has counted; without that tier V8 14 stops with a failed check
  const flags = ["--no-liftoff", "--no-wasm-lazy-compilation"];
  if (v8[0] >= 12) flags.push("--no-wasm-inlining");
  else flags.push("--experimental-wasm-relaxed-simd");
  const revectorized = v8[0] >= REVECTORIZER_SINCE && hasAvx2();
  if (revectorized) flags.push("--experimental-wasm-revectorize");
  for (const flag of flags) setFlagsFromString(flag);
  engine = { v8, revectorized };
  return engine;
}
