import type { Rows } from "../data/dataset.ts";
import { LANES } from "../wasm/layout.ts";
import { panelsOf } from "../wasm/matrix.ts";
import { SPARSE_BELOW, type TileName } from "../wasm/tiles.ts";

/** Rows that are looked at to learn how sparse the data are. */
const PROBED_ROWS = 1000;

/**
 * The density of nonzeros for each 16 columns, from a sample of evenly spaced rows; undefined where a dense product is
 * faster.
 */
export function measureDensities(
  { values, count, dim }: Rows,
  tile: TileName,
): readonly number[] | undefined {
  const step = Math.max(1, Math.floor(count / PROBED_ROWS));
  const nonzeros = new Array<number>(panelsOf(dim)).fill(0);
  let rows = 0;
  for (let row = 0; row < count; row += step, rows++) {
    const start = row * dim;
    for (let column = 0; column < dim; column++) {
      if (values[start + column] !== 0) nonzeros[Math.floor(column / LANES)]!++;
    }
  }
  const all = nonzeros.reduce((sum, n) => sum + n, 0);
  if (all >= SPARSE_BELOW[tile] * rows * dim) return undefined;
  return nonzeros.map((n) => n / (rows * LANES));
}
