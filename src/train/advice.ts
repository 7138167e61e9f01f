import type { SessionMemory } from "./session.ts";

/** Numbers of standardised data, or of pixels as fractions, are far below it. */
const LARGE = 100;

/**
 * What to do about a loss that is not finite, where the learning rate is not to blame: large data, or the weights that
 * training began with.
 *
 * @param first whether no step has changed the weights yet
 */
export function adviceOnStart(
  buffer: ArrayBufferLike,
  { data }: Pick<SessionMemory, "data">,
  first: boolean,
): string | undefined {
  const largest = data.bytesPerValue === 1 ? 1 : largestOf(new Float32Array(buffer, data.at, data.bytes / 4));
  if (largest > LARGE) return `scale the data, whose numbers reach ${largest.toPrecision(3)}, to about 1`;
  return first ? "start from other weights" : undefined;
}

function largestOf(values: Float32Array): number {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}
