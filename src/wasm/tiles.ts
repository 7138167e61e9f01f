import type { Arithmetic } from "./builds.ts";
import { TILE_4X8, TILE_4X16, TILE_6X8, TILE_6X16 } from "./layout.ts";

/** Rows × columns of a product that the kernels keep in registers; it decides the time and no bit. */
export type TileName = "6x16" | "4x16" | "6x8" | "4x8";

/** The tiles' codes. */
export const TILES: Readonly<Record<TileName, number>> = {
  "6x16": TILE_6X16,
  "4x16": TILE_4X16,
  "6x8": TILE_6X8,
  "4x8": TILE_4X8,
};

/** What is known about the engine that compiles the kernels. */
export interface Engine {
  /** V8's version, `[major, minor]`, where it is V8. */
  readonly v8?: readonly [major: number, minor: number] | undefined;
  /** Whether pairs of 128-bit operations become 256-bit ones. */
  readonly revectorized: boolean;
}

/**
 * The density of nonzeros below which a product over lists takes less time than the dense one, as
 * measured: five panels of sums share the work of an entry in 256-bit registers, two in 128-bit ones.
 */
export const SPARSE_BELOW: Readonly<Record<TileName, number>> = {
  "6x16": 0.7,
  "4x16": 0.7,
  "6x8": 0.7,
  "4x8": 0.5,
};

/**
 * The tile that keeps most sums in registers without spilling, as measured: with 256-bit registers 6×16; with 128-bit
 * ones 6×8, if the compiler is V8 13 or later and multiply and add are one operation; else 4×8, which fits everywhere.
 */
export function chooseTile(arithmetic: Arithmetic, { v8, revectorized }: Engine): TileName {
  if (revectorized) return "6x16";
  return v8 && v8[0] >= 13 && arithmetic === "relaxed" ? "6x8" : "4x8";
}
