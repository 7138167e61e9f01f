import type { Shape } from "../cases/products.ts";

/** One; a tile's 4 and 6 rows, one fewer and one more; a panel's 16 columns and twice that, likewise; a prime. */
export const EDGES = [1, 3, 4, 5, 6, 7, 15, 16, 17, 31, 32, 33, 37] as const;

/** Every edge in each of the three places, beside sizes that fit nothing; all that fits; long sums. */
export const SHAPES: readonly Shape[] = [
  ...EDGES.flatMap((edge) => [
    { rows: edge, k: 17, n: 23 },
    { rows: 13, k: edge, n: 33 },
    { rows: 7, k: 19, n: edge },
  ]),
  { rows: 1, k: 1, n: 1 },
  { rows: 48, k: 32, n: 16 },
  // products are worked on in pieces of 400 of k (or of n, backward) and 96 rows
  { rows: 7, k: 399, n: 17 },
  { rows: 7, k: 400, n: 17 },
  { rows: 7, k: 401, n: 17 },
  { rows: 5, k: 817, n: 16 },
  { rows: 5, k: 18, n: 401 },
  { rows: 95, k: 10, n: 5 },
  { rows: 96, k: 10, n: 5 },
  { rows: 97, k: 401, n: 5 },
  { rows: 193, k: 7, n: 5 },
  { rows: 5, k: 97, n: 403 },
];

export function nameOf({ rows, k, n }: Shape): string {
  return `rows ${rows}, k ${k}, n ${n}`;
}
