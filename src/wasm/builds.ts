import { KernelError } from "../errors.ts";

/** How multiply-adds round: fused where the processor can (`relaxed`), or the same everywhere (`simd`). */
export type Arithmetic = "relaxed" | "simd";

/** One of the four binaries that are built from assembly/. */
export interface KernelBuild {
  readonly arithmetic: Arithmetic;
  /** Whether it works over a shared memory, as several workers need, or owns its memory. */
  readonly shared: boolean;
  /** Its name in the package's build/ folder. */
  readonly file: string;
}

export const BUILDS: readonly KernelBuild[] = [
  { arithmetic: "simd", shared: false, file: "kernels.wasm" },
  { arithmetic: "relaxed", shared: false, file: "kernels.relaxed.wasm" },
  { arithmetic: "simd", shared: true, file: "kernels.shared.wasm" },
  { arithmetic: "relaxed", shared: true, file: "kernels.shared.relaxed.wasm" },
];

/** A module with one function that uses one instruction, to ask an engine whether it knows it. */
function probe(instructions: readonly number[]): boolean {
  const body = [0x00, ...instructions, 0x0b];
  const bytes = [
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // magic, version 1
    ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // a type: () → v128
    ...[0x03, 0x02, 0x01, 0x00], // a function of it
    ...[0x0a, body.length + 2, 0x01, body.length, ...body], // its code
  ];
  return WebAssembly.validate(new Uint8Array(bytes));
}

const SPLAT_ZERO = [0x41, 0x00, 0xfd, 0x11];

/** What this engine can run, in the order of preference. */
export function supportedArithmetic(): readonly Arithmetic[] {
  if (!probe(SPLAT_ZERO)) return [];
  const relaxedMadd = [...SPLAT_ZERO, ...SPLAT_ZERO, ...SPLAT_ZERO, 0xfd, 0x85, 0x02];
  return probe(relaxedMadd) ? ["relaxed", "simd"] : ["simd"];
}

/** Whether workers can share a memory here: a page needs cross-origin isolation for that. */
export function canShareMemory(): boolean {
  return typeof SharedArrayBuffer !== "undefined" && globalThis.crossOriginIsolated !== false;
}

/**
 * The best arithmetic that this engine runs, or the one asked for.
 *
 * @throws {KernelError} when the engine has no SIMD, or not the arithmetic asked for
 */
export function chooseArithmetic(asked?: Arithmetic): Arithmetic {
  const supported = supportedArithmetic();
  const best = asked ?? supported[0];
  if (best !== undefined && supported.includes(best)) return best;
  throw new KernelError({
    setting: "the JavaScript engine",
    expected: `${best === "relaxed" ? "relaxed " : ""}WebAssembly SIMD`,
    found: supported.length > 0 ? `only ${supported.join(", ")}` : "none",
    remedy: supported.length > 0 ? "ask for simd" : "use Node 20.19 or later, or a browser of 2023 or later",
  });
}

export function findBuild(arithmetic: Arithmetic, shared: boolean): KernelBuild {
  return BUILDS.find((build) => build.arithmetic === arithmetic && build.shared === shared)!;
}
