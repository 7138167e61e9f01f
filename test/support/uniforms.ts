/**
 * Repeatable test numbers: `count` uniform draws from [low, high). A 32-bit linear congruential generator is random
 * enough for operands of a test; it has nothing to do with the generator of the product.
 */
export function uniforms(seed: number, count: number, low = -1, high = 1): Float64Array {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  next();
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = low + (high - low) * next();
  return values;
}
