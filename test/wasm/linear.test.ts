import { describe, expect, test } from "vitest";
import { LANES } from "../../src/wasm/layout.ts";
import { TILES, type TileName } from "../../src/wasm/tiles.ts";
import { checkCase } from "../cases/case.ts";
import { FINISH_NAMES, linear, linearBackwardInput, operandsOf } from "../cases/products.ts";
import { openBuilds } from "../support/kernel-memory.ts";
import { uniforms } from "../support/uniforms.ts";
import { SHAPES } from "./shapes.ts";

// made once for all builds and tiles, which share their operands and twins
const FORWARD = FINISH_NAMES.map((finish) => ({
  finish,
  cases: SHAPES.map((shape) => linear(shape, finish)),
}));
const BACKWARD = SHAPES.map((shape) => linearBackwardInput(shape));

describe.each(await openBuilds())("$file", ({ memory }) => {
  describe.each(Object.keys(TILES) as TileName[])("tile %s", (tile) => {
    test.each(FORWARD)("linear, activation $finish", ({ cases }) => {
      for (const one of cases) checkCase(memory, one, tile);
    });

    test("linearBackwardInput", () => {
      for (const one of BACKWARD) checkCase(memory, one, tile);
    });

    test("no bias reaches linearBackwardInput", () => {
      memory.reset();
      const weights = memory.putWeights(uniforms(1, 20 * 33), new Array(33).fill(Number.NaN), 20, 33);
      const dyT = memory.put(uniforms(2, 48 * 5), 48, 5);
      const dxT = memory.room(2 * LANES, 5);
      memory.kernels(tile).linearBackwardInput(dxT, dyT, weights, [0, 5]);
      expect(memory.read(dxT).some(Number.isNaN)).toBe(false);
    });

    test("a row of NaN stays NaN and stays alone; infinities are those of the twin", () => {
      const shape = { rows: 13, k: 17, n: 18 };
      const operands = operandsOf(shape);
      operands.x[3 * 17 + 5] = Number.NaN;
      operands.x[8 * 17 + 16] = Number.POSITIVE_INFINITY;
      operands.x[12 * 17] = Number.NEGATIVE_INFINITY;
      for (const finish of FINISH_NAMES) {
        checkCase(memory, linear(shape, finish, operands), tile, { rtol: 0, atol: 1e-5 });
      }
    });
  });
});
