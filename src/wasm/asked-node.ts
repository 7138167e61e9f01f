import process from "node:process";
import { ConfigError } from "../errors.ts";
import type { Arithmetic } from "./builds.ts";
import type { AskedKernels, Width } from "./platform.ts";
import { TILES, type TileName } from "./tiles.ts";

const ARITHMETICS: readonly Arithmetic[] = ["relaxed", "simd"];
const WIDTHS: readonly Width[] = [128, 256];

/** Every word that ELBOW_KERNELS may have, and what it asks for. */
const WORDS: ReadonlyMap<string, AskedKernels> = new Map<string, AskedKernels>([
  ...ARITHMETICS.map((arithmetic) => [arithmetic, { arithmetic }] as const),
  ...(Object.keys(TILES) as TileName[]).map((tile) => [tile, { tile }] as const),
  ...WIDTHS.map((width) => [String(width), { width }] as const),
]);

/**
 * What the environment's ELBOW_KERNELS asks for: words with commas between, such as `simd` or `relaxed,6x8,128`.
 *
 * @throws {ConfigError} that names the word that is none, and those that are
 */
export function askedKernels(): AskedKernels {
  const words = (process.env.ELBOW_KERNELS ?? "").split(",").filter((word) => word !== "");
  const wrong = words.find((word) => !WORDS.has(word));
  if (wrong !== undefined) {
    throw fault(`words of ${[...WORDS.keys()].join(", ")} (with commas between)`, wrong);
  }
  const asked: AskedKernels = Object.assign({}, ...words.map((word) => WORDS.get(word)));
  if (Object.keys(asked).length === words.length) return asked;
  throw fault("at most one arithmetic, one tile and one width", words.join(","));
}

function fault(expected: string, found: string): ConfigError {
  return new ConfigError({ setting: "ELBOW_KERNELS", expected, found });
}
