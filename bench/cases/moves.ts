import { normals } from "../../src/random/normal.ts";
import { seedKey } from "../../src/random/philox.ts";
import { PURPOSE } from "../../src/random/purpose.ts";
import { uniforms as philoxUniforms } from "../../src/random/uniform.ts";
import { LANES, panelsOf, ROW_BYTES } from "../../src/wasm/kernels.ts";
import { transpose } from "../../test/reference/matmul.ts";
import { float32 } from "../../test/support/kernel-memory.ts";
import { uniforms } from "../../test/support/uniforms.ts";
import { bytesOf, type Case, expectClose, SLACK } from "./case.ts";

const SEED = 7;
const STEP = 3;
/** Rows of the dataset that a batch is gathered from; a real one does not fit the caches, see the step's own times. */
const DATASET_ROWS = 2000;

function gatherCase(kernel: "gatherBytes" | "gatherFloats", batch: number, columns: number): Case {
  const bytes = kernel === "gatherBytes";
  return {
    kernel,
    what: `x: ${batch}×${columns}`,
    bytes: batch * columns * (bytes ? 1 : 4) + bytesOf(batch * columns),
    prepare(memory) {
      const rows = bytes ? DATASET_ROWS : DATASET_ROWS / 4;
      const count = rows * columns;
      const values = Float32Array.from(uniforms(31, count, 0, 256), Math.floor);
      const size = bytes ? count : count * 4;
      const data = memory.allocate(size);
      const words = memory.words(data, Math.ceil(size / 4));
      if (bytes) new Uint8Array(words.buffer, data, count).set(values);
      else memory.floats(data, count).set(values);
      const order = Array.from(uniforms(32, batch, 0, rows), Math.floor);
      const indices = memory.allocate(batch * 4);
      memory.words(indices, batch).set(order);
      const x = memory.room(batch, columns, SLACK);
      return {
        run: () => memory.kernels[kernel](x.at, x.stride, data, indices, batch, columns),
        check() {
          const expected = order.flatMap((row) => [...values.subarray(row * columns, (row + 1) * columns)]);
          expectClose(memory.get(x), float32(bytes ? expected.map((value) => value / 255) : expected), 0);
        },
      };
    },
  };
}

function transposeCase(batch: number, columns: number): Case {
  return {
    kernel: "transpose",
    what: `dy: ${batch}×${columns}`,
    bytes: bytesOf(2 * batch * columns),
    prepare(memory) {
      const values = float32(uniforms(33, batch * columns));
      const from = memory.put(values, batch, columns, SLACK);
      const to = memory.room(panelsOf(columns) * LANES, batch, 0);
      const square = LANES * ROW_BYTES;
      const blocks = panelsOf(batch);
      return {
        run: () =>
          memory.kernels.transpose(
            to.at,
            to.stride,
            square,
            from.at,
            square,
            from.stride,
            blocks,
            from.panels,
          ),
        check: () => expectClose(memory.get(to), transpose(values, batch, columns), 0),
      };
    },
  };
}

function philoxCases(batch: number, latent: number): Case[] {
  const [key0, key1] = seedKey(SEED);
  const bound = 1 / 28;
  const expected = (
    draw: typeof normals,
    rows: number,
    columns: number,
    purpose: typeof PURPOSE.noise | typeof PURPOSE.init,
  ) =>
    Array.from({ length: rows }, (_, r) => [
      ...draw(SEED, purpose, STEP, r, new Float64Array(columns)),
    ]).flat();
  return [
    {
      kernel: "philoxNormal",
      what: `ε: ${batch}×${latent}`,
      bytes: bytesOf(batch * LANES),
      prepare(memory) {
        const { at, stride, ...room } = memory.room(batch, latent, SLACK);
        const { noise } = PURPOSE;
        return {
          run: () => memory.kernels.philoxNormal(at, stride, 0, batch, latent, STEP, noise, key0, key1),
          check: () =>
            expectClose(memory.get({ at, stride, ...room }), expected(normals, batch, latent, noise), 1e-4),
        };
      },
    },
    {
      kernel: "philoxUniform",
      what: "fc1: 785×400",
      bytes: bytesOf(785 * 400),
      prepare(memory) {
        const { at, stride, ...room } = memory.room(785, 400, 0);
        const { init } = PURPOSE;
        return {
          run: () => memory.kernels.philoxUniform(at, stride, 785, 400, bound, STEP, init, key0, key1),
          check() {
            const drawn = expected(philoxUniforms, 785, 400, init).map((value) => (2 * value - 1) * bound);
            expectClose(memory.get({ at, stride, ...room }), drawn, 1e-6);
          },
        };
      },
    },
  ];
}

export function moveCases(batch: number): Case[] {
  return [
    gatherCase("gatherBytes", batch, 784),
    gatherCase("gatherFloats", batch, 784),
    transposeCase(batch, 784),
    transposeCase(batch, 400),
    ...philoxCases(batch, 2),
  ];
}
