import { ACTIVATIONS, ENTRY_BYTES, GRADIENT_BYTES } from "../../src/wasm/kernels.ts";
import { adamCoefficients } from "../../test/support/adam.ts";
import { float32, type KernelMemory } from "../../test/support/kernel-memory.ts";
import { type ListRoom, listColumns, listRows } from "../../test/support/lists.ts";
import { uniforms } from "../../test/support/uniforms.ts";
import { bytesOf, type Case, expectSame, SLACK } from "./case.ts";
import type { LayerShape, Model } from "./products.ts";

/** Numbers of which the part `density` is not zero. */
export function scattered(count: number, density: number): Float32Array {
  const dice = uniforms(9, count, 0, 1);
  return float32(uniforms(10, count, 0.05, 1).map((value, i) => (dice[i]! < density ? value : 0)));
}

/** Throws unless `lists` lists are filled with `expected` entries in all. */
function expectEntries(memory: KernelMemory, room: ListRoom, lists: number, expected: number): void {
  const found = memory.kernels.countEntries(room.ends, room.endStride, lists, room.length);
  if (found !== expected)
    throw new Error(`a wrong kernel is not timed: ${found} entries, expected ${expected}`);
}

export function listCases({ k }: LayerShape, { batch }: Model, density: number): Case[] {
  const values = scattered(batch * k, density);
  const nonzeros = values.filter((value) => value !== 0).length;
  const bytes = bytesOf(batch * k) + nonzeros * ENTRY_BYTES;
  const what = `x: ${batch}×${k}, ${Math.round(100 * density)} %`;
  return [
    {
      kernel: "listRows",
      what,
      bytes,
      prepare(memory) {
        const x = memory.put(values, batch, k, SLACK);
        const room = listRows(memory, x);
        const { at, stride, ends, endStride } = room;
        return {
          run: () => memory.kernels.listRows(at, stride, ends, endStride, x.at, x.stride, batch, k),
          check: () => expectEntries(memory, room, batch, nonzeros),
        };
      },
    },
    {
      kernel: "listColumns",
      what,
      bytes,
      prepare(memory) {
        const x = memory.put(values, batch, k, SLACK);
        const room = listColumns(memory, x);
        const { at, stride, ends, endStride } = room;
        return {
          run: () => memory.kernels.listColumns(at, stride, ends, endStride, x.at, x.stride, batch, 0, k),
          check: () => expectEntries(memory, room, k, nonzeros),
        };
      },
    },
  ];
}

/** Both are held against the dense kernels, which `products.ts` holds against float64: the bits are the same. */
export function linearSparseCase({ name, k, n }: LayerShape, { batch, tile }: Model, density: number): Case {
  return {
    kernel: "linearSparse",
    what: `${name}: ${batch}×${n}×${k}, ${Math.round(100 * density)} %`,
    flops: 2 * batch * k * n * density,
    bytes: bytesOf(batch * k * density * 2, (k + 1) * n, batch * n),
    prepare(memory) {
      const x = memory.put(scattered(batch * k, density), batch, k, SLACK);
      const bound = 1 / Math.sqrt(k);
      const w = memory.put(float32(uniforms(11, (k + 1) * n, -bound, bound)), k + 1, n, 0);
      const [y, dense] = [memory.room(batch, n, SLACK), memory.room(batch, n, SLACK)];
      const { at, stride, ends, endStride } = listRows(memory, x);
      const { linear, linearSparse } = memory.kernels;
      const { relu } = ACTIVATIONS;
      return {
        // biome-ignore format: one call
        run: () => linearSparse(
          y.at, y.stride, at, stride, ends, endStride, w.at, batch, y.panels, k, relu, tile,
        ),
        check() {
          linear(dense.at, dense.stride, x.at, x.stride, w.at, batch, dense.panels, k, relu, tile);
          expectSame(memory, y, dense);
        },
      };
    },
  };
}

export function updateSparseCase({ name, k, n }: LayerShape, { batch, tile }: Model, density: number): Case {
  return {
    kernel: "linearUpdateSparse",
    what: `${name}: ${k}×${n}×${batch}, Adam, ${Math.round(100 * density)} %`,
    flops: 2 * batch * k * n * density,
    bytes: bytesOf(batch * k * density * 2, batch * n, 6 * (k + 1) * n),
    prepare(memory) {
      const x = memory.put(scattered(batch * k, density), batch, k, SLACK);
      const dy = memory.put(float32(uniforms(12, batch * n)), batch, n, SLACK);
      const start = float32(uniforms(13, (k + 1) * n, -0.04, 0.04));
      const zeros = new Float32Array(start.length);
      const models = [0, 1].map(() => [start, zeros, zeros].map((part) => memory.put(part, k + 1, n, 0)));
      const { at, stride, ends, endStride } = listColumns(memory, x);
      const adam = memory.putVector(adamCoefficients(1));
      const room = memory.allocate(GRADIENT_BYTES);
      const { linearUpdate, linearUpdateSparse } = memory.kernels;
      const [w, m, v] = models[0]!.map((part) => part.at) as [number, number, number];
      return {
        // biome-ignore format: one call
        run: () => linearUpdateSparse(
          w, m, v, at, stride, ends, endStride, dy.at, dy.stride, batch, dy.panels, k, 0, k, room, adam, tile,
        ),
        check() {
          const [w, m, v] = models[1]!.map((part) => part.at) as [number, number, number];
          const blocks = x.panels * dy.panels;
          // biome-ignore format: one call
          linearUpdate(w, m, v, x.at, x.stride, dy.at, dy.stride, batch, k, 0, blocks, room, adam, tile);
          expectSame(memory, models[0]![0]!, models[1]![0]!);
        },
      };
    },
  };
}
