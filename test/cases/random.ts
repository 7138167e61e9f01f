import { normals } from "../../src/random/normal.ts";
import { seedKey } from "../../src/random/philox.ts";
import { PURPOSE, type Purpose } from "../../src/random/purpose.ts";
import { uniforms } from "../../src/random/uniform.ts";
import { LANES } from "../../src/wasm/layout.ts";
import { panelsOf } from "../../src/wasm/matrix.ts";
import { type Case, floatBytes, matrixOutput } from "./case.ts";
import { GREATEST_ERROR } from "./errors.ts";

/** Which random numbers. */
export interface Place {
  readonly row: number;
  readonly step: number;
  readonly purpose: Purpose;
  readonly seed: number;
}

/** A place where both words of the seed count. */
const SOMEWHERE: Place = { row: 7, step: 3, purpose: PURPOSE.noise, seed: 11 + 5 * 2 ** 32 };

/** The twin's numbers, row after row. */
function drawn(draw: typeof normals, rows: number, columns: number, place: Place): Float64Array {
  const { row, step, purpose, seed } = place;
  const all = new Float64Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    draw(seed, purpose, step, row + r, all.subarray(r * columns, (r + 1) * columns));
  }
  return all;
}

function what(name: string, rows: number, columns: number, given?: Omit<Place, "row">): string {
  return `${name}: ${rows}×${columns}${given ? `, ${JSON.stringify(given)}` : ""}`;
}

/** ε ~ N(0, I) */
export function normal(rows: number, columns: number, given?: Place): Case {
  return {
    kernel: "philoxNormal",
    what: what("ε", rows, columns, given),
    bytes: floatBytes(rows * panelsOf(columns) * LANES),
    prepare(memory) {
      const place = given ?? SOMEWHERE;
      const { seed, ...draws } = place;
      const eps = memory.slice(rows, columns);
      const kernels = memory.kernels();
      const expected = drawn(normals, rows, columns, place);
      const closeness = { rtol: 0, atol: GREATEST_ERROR.normal };
      return {
        run: () => kernels.normal(eps, columns, eps.range, { ...draws, key: seedKey(seed) }),
        outputs: [matrixOutput(memory, "ε", eps.own, expected, closeness)],
      };
    },
  };
}

/** Initial weights and biases, uniform in ±bound. With a bound of 1 every bit of the generator's words shows. */
export function uniform(k: number, columns: number, bound: number, given?: Omit<Place, "row">): Case {
  return {
    kernel: "philoxUniform",
    what: what("W", k + 1, columns, given),
    bytes: floatBytes((k + 1) * columns),
    prepare(memory) {
      const place = { ...(given ?? SOMEWHERE), row: 0 };
      const { seed, purpose, step } = place;
      const { own } = memory.slice(k + 1, columns);
      const kernels = memory.kernels();
      const expected = drawn(uniforms, k + 1, columns, place).map((unit) => (2 * unit - 1) * bound);
      const closeness = { rtol: 0, atol: bound === 1 ? 0 : bound * 2 ** -23 };
      return {
        run: () => kernels.uniform({ ...own, k }, columns, bound, { purpose, step, key: seedKey(seed) }),
        outputs: [matrixOutput(memory, "W", own, expected, closeness)],
      };
    },
  };
}
