import { describe, expect, test } from "vitest";
import { LANES } from "../../src/wasm/layout.ts";
import { panelsOf, type Range } from "../../src/wasm/matrix.ts";
import { TILES, type TileName } from "../../src/wasm/tiles.ts";
import { checkCase } from "../cases/case.ts";
import { linearBackwardWeight, operandsOf, type Shape } from "../cases/products.ts";
import { blocksOf, linearUpdate, putState, STATE } from "../cases/updates.ts";
import { adamCoefficients } from "../support/adam.ts";
import { EXACT } from "../support/closeness.ts";
import { bitsOf, type Grid, type KernelMemory, openBuilds } from "../support/kernel-memory.ts";
import { nameOf, SHAPES } from "./shapes.ts";

const ADAM = adamCoefficients(3);

/** x and dy, with rows of others above and below. */
function putOperands(memory: KernelMemory, shape: Shape) {
  const { rows, k, n } = shape;
  const { x, dy } = operandsOf(shape);
  return { x: memory.putSlice(x, rows, k).own, dy: memory.putSlice(dy, rows, n).own };
}

/** A worker's part of `count` blocks. */
function share(count: number, rank: number, size: number): Range {
  return [Math.floor((count * rank) / size), Math.floor((count * (rank + 1)) / size)];
}

/** Whether a row of [W; b] belongs to one of the blocks. */
function inBlocks(panel: number, row: number, k: number, [from, to]: Range): boolean {
  const block = panel * panelsOf(k) + Math.min(Math.floor(row / LANES), panelsOf(k) - 1);
  return block >= from && block < to;
}

/** All words of a matrix of weights, padding included. */
function wordsOf(memory: KernelMemory, { at, panels, stride }: Grid): Uint32Array {
  return memory.words(at, (panels * stride) / 4).slice();
}

describe.each(await openBuilds())("$file", ({ memory }) => {
  describe.each(Object.keys(TILES) as TileName[])("tile %s", (tile) => {
    const kernels = memory.kernels(tile);

    test("linearBackwardWeight", () => {
      for (const shape of SHAPES) checkCase(memory, linearBackwardWeight(shape), tile);
    });

    test("linearUpdate", () => {
      for (const shape of SHAPES) checkCase(memory, linearUpdate(shape), tile);
    });

    test("blocks of others stay untouched, and the shares of any number of workers make the whole", () => {
      for (const shape of SHAPES) {
        const { rows, k } = shape;
        memory.reset();
        const { x, dy } = putOperands(memory, shape);
        const room = memory.updateRoom(ADAM);
        const whole = putState(memory, shape);
        kernels.linearUpdate(whole.weights, x, dy, rows, [0, blocksOf(shape)], room);
        const result = STATE.map((name) => wordsOf(memory, whole.grids[name]));
        for (const size of [2, 3, 5]) {
          const parts = putState(memory, shape);
          for (let rank = 0; rank < size; rank++) {
            const range = share(blocksOf(shape), rank, size);
            const before = STATE.map((name) => wordsOf(memory, parts.grids[name]));
            kernels.linearUpdate(parts.weights, x, dy, rows, range, room);
            for (const [i, name] of STATE.entries()) {
              const expected = result[i].map((word, at) => {
                const row = Math.floor(at / LANES);
                const own = inBlocks(Math.floor(row / (k + 1)), row % (k + 1), k, range);
                return own ? word : before[i][at];
              });
              expect(wordsOf(memory, parts.grids[name]), `${name}, ${nameOf(shape)}`).toBeAllClose(
                expected,
                EXACT,
              );
            }
          }
        }
      }
    });

    test("linearUpdate is linearBackwardWeight and then adam, to the bit", () => {
      for (const shape of SHAPES) {
        const { rows, k, n } = shape;
        memory.reset();
        const { x, dy } = putOperands(memory, shape);
        const room = memory.updateRoom(ADAM);
        const [fused, apart] = [putState(memory, shape), putState(memory, shape)];
        kernels.linearUpdate(fused.weights, x, dy, rows, [0, blocksOf(shape)], room);
        const dw = memory.weights(k, n);
        kernels.linearBackwardWeight(dw, x, dy, rows);
        const { w, m, v } = apart.grids;
        memory.exports.adamRows(w.at, m.at, v.at, dw.at, dw.panels * (k + 1), room.adam);
        for (const name of STATE) {
          const [actual, expected] = [fused, apart].map(({ grids }) => bitsOf(memory.read(grids[name])));
          expect(actual, `${name}, ${nameOf(shape)}`).toBeAllClose(expected, EXACT);
        }
      }
    });
  });
});
