import { describe, expect, test } from "vitest";
import { LANES } from "../../src/wasm/layout.ts";
import { panelsOf, type Range } from "../../src/wasm/matrix.ts";
import { TILES, type TileName } from "../../src/wasm/tiles.ts";
import { checkCase } from "../cases/case.ts";
import { linearBackwardWeight, type Operands, operandsOf, type Shape } from "../cases/products.ts";
import { blocksOf, linearUpdate, putState, STATE, stateOf } from "../cases/updates.ts";
import { adamCoefficients } from "../support/adam.ts";
import { EXACT } from "../support/closeness.ts";
import { bitsOf, type Grid, type KernelMemory, openBuilds } from "../support/kernel-memory.ts";
import { nameOf, SHAPES } from "./shapes.ts";

const ADAM = adamCoefficients(3);

// made once for all builds and tiles, which share their operands and twins
const GRADIENTS = SHAPES.map((shape) => linearBackwardWeight(shape));
const UPDATES = SHAPES.map((shape) => linearUpdate(shape));
const LAYERS = SHAPES.map((shape) => ({ shape, operands: operandsOf(shape), state: stateOf(shape) }));

/** x and dy, with rows of others above and below. */
function putOperands(memory: KernelMemory, { rows, k, n }: Shape, { x, dy }: Operands) {
  return { x: memory.putSlice(x, rows, k).own, dy: memory.putSlice(dy, rows, n).own };
}

/** A worker's part of `count` blocks. */
function share(count: number, rank: number, size: number): Range {
  return [Math.floor((count * rank) / size), Math.floor((count * (rank + 1)) / size)];
}

/** Which rows of the panels of [W; b], one panel after another, belong to some of the blocks. */
function rowsOfBlocks({ k, n }: Shape, [from, to]: Range): number[] {
  const rows = Array.from({ length: panelsOf(n) * (k + 1) }, (_, i) => i);
  return rows.filter((i) => {
    const [panel, row] = [Math.floor(i / (k + 1)), i % (k + 1)];
    const block = panel * panelsOf(k) + Math.min(Math.floor(row / LANES), panelsOf(k) - 1);
    return block >= from && block < to;
  });
}

/** All words of a matrix of weights in memory, padding included. */
function wordsOf(memory: KernelMemory, { at, panels, stride }: Grid): Uint32Array {
  return memory.words(at, (panels * stride) / 4);
}

describe.each(await openBuilds())("$file", ({ memory }) => {
  describe.each(Object.keys(TILES) as TileName[])("tile %s", (tile) => {
    const kernels = memory.kernels(tile);

    test("linearBackwardWeight", () => {
      for (const one of GRADIENTS) checkCase(memory, one, tile);
    });

    test("linearUpdate", () => {
      for (const one of UPDATES) checkCase(memory, one, tile);
    });

    test("blocks of others stay untouched, and the shares of any number of workers make the whole", () => {
      for (const { shape, operands, state } of LAYERS) {
        const { rows } = shape;
        memory.reset();
        const { x, dy } = putOperands(memory, shape, operands);
        const room = memory.updateRoom(ADAM);
        const whole = putState(memory, shape, state);
        kernels.linearUpdate(whole.weights, x, dy, rows, [0, blocksOf(shape)], room);
        const result = STATE.map((name) => wordsOf(memory, whole.grids[name]).slice());
        for (const size of [2, 3, 5]) {
          const parts = putState(memory, shape, state);
          const expected = STATE.map((name) => wordsOf(memory, parts.grids[name]).slice());
          for (let rank = 0; rank < size; rank++) {
            const range = share(blocksOf(shape), rank, size);
            for (const row of rowsOfBlocks(shape, range)) {
              const [from, to] = [row * LANES, (row + 1) * LANES];
              for (const [i, words] of expected.entries()) words.set(result[i].subarray(from, to), from);
            }
            kernels.linearUpdate(parts.weights, x, dy, rows, range, room);
            for (const [i, name] of STATE.entries()) {
              const found = wordsOf(memory, parts.grids[name]);
              expect(found, `${name}, ${nameOf(shape)}`).toBeAllClose(expected[i], EXACT);
            }
          }
        }
      }
    });

    test("linearUpdate is linearBackwardWeight and then adam, to the bit", () => {
      for (const { shape, operands, state } of LAYERS) {
        const { rows, k, n } = shape;
        memory.reset();
        const { x, dy } = putOperands(memory, shape, operands);
        const room = memory.updateRoom(ADAM);
        const [fused, apart] = [putState(memory, shape, state), putState(memory, shape, state)];
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
