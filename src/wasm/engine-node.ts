import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { ConfigError } from "../errors.ts";
import { askedKernels } from "./asked-node.ts";
import type { Engine } from "./tiles.ts";

function v8Version(): readonly [major: number, minor: number] | undefined {
  const [major, minor] = (process.versions.v8 ?? "").split(".").map(Number);
  return major && minor !== undefined ? [major, minor] : undefined;
}

const v8 = v8Version();
let engine: Engine = { v8, revectorized: false };
let narrowed = false;

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

/** Relaxed SIMD needs no flag from V8 11.4 on; Node 20 has 11.3. */
const RELAXED_SIMD_SINCE = 12;

/**
 * Sets V8's flags for the kernels: 256-bit code from pairs of 128-bit operations where V8 can make it (Node 24 and
 * later, x64), and relaxed SIMD where it is still behind a flag (Node 20). The flags hold for the whole process and for
 * modules compiled afterwards, which is why a library does not set them by itself: the command calls this first, and so
 * may any program that owns its process.
 *
 * It changes speed, not bits, but for Node 20, where it makes fused multiply-add available.
 */
export function tuneEngine(): Engine {
  if (!v8 || narrowed) return engine;
  // Going straight to optimised code (--no-liftoff) is not among them: it saves some 10 ms of the first steps, and
  // V8 14.6 then stops with a failed check in its inliner, or crashes in workers when inlining is off as well.
  const { width } = askedKernels();
  const revectorized = v8[0] >= REVECTORIZER_SINCE && hasAvx2() && width !== 128;
  if (width === 256 && !revectorized) {
    throw new ConfigError({
      setting: "ELBOW_KERNELS",
      expected: "no 256 without Node 24 or later and a processor with AVX2",
      found: "256",
      remedy: "leave it out",
    });
  }
  if (revectorized) setFlagsFromString("--experimental-wasm-revectorize");
  if (v8[0] < RELAXED_SIMD_SINCE) setFlagsFromString("--experimental-wasm-relaxed-simd");
  engine = { v8, revectorized };
  return engine;
}

/** Takes 256-bit code back, for modules compiled afterwards. */
export function narrowEngine(): void {
  if (engine.revectorized) setFlagsFromString("--no-experimental-wasm-revectorize");
  engine = { v8, revectorized: false };
  narrowed = true;
}

/** Whether 256-bit code was taken back: V8 would give it again for the very same bytes. */
export function wasNarrowed(): boolean {
  return narrowed;
}
