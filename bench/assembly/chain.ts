// @ts-nocheck AssemblyScript: the bench compiles it for itself (assemble.ts)

/**
 * `rounds` × 64 integer operations, each of which needs the result of the one before and takes one cycle. The operands
 * are not constants, so that neither compiler nor processor can fold two operations into one.
 */
export function chain(rounds: i32, x: i32, a: i32, b: i32): i32 {
  do {
    x = (((((((x + a) ^ b) + a) ^ b) + a) ^ b) + a) ^ b;
    x = (((((((x + a) ^ b) + a) ^ b) + a) ^ b) + a) ^ b;
    x = (((((((x + a) ^ b) + a) ^ b) + a) ^ b) + a) ^ b;
    x = (((((((x + a) ^ b) + a) ^ b) + a) ^ b) + a) ^ b;
    x = (((((((x + a) ^ b) + a) ^ b) + a) ^ b) + a) ^ b;
    x = (((((((x + a) ^ b) + a) ^ b) + a) ^ b) + a) ^ b;
    x = (((((((x + a) ^ b) + a) ^ b) + a) ^ b) + a) ^ b;
    x = (((((((x + a) ^ b) + a) ^ b) + a) ^ b) + a) ^ b;
  } while (--rounds);
  return x;
}
