import { LANES, ROW_BYTES } from "../src/wasm/kernels.ts";
import { TILES, type TileName } from "../src/wasm/tiles.ts";
import { assemble, exportedFunction } from "./assemble.ts";
import { measure } from "./measure.ts";
import { clockAfter, type Peak, peakAt } from "./peak.ts";
import type { Setting } from "./setting.ts";
import { digits3, percent, type Table } from "./table.ts";

export interface TileResult {
  readonly tile: TileName;
  readonly reading: "normal" | "transposed";
  readonly k: number;
  readonly gflopsMedian: number;
  readonly gflopsBest: number;
  /** The clock right after it, in cycles a second. */
  readonly clock: number;
}

const DEPTHS = [128, 400] as const;
const TIMES = 64;

/** Where A, B and C of one tile stand; all of it fits the first-level cache. */
const C = 8192;
const A = 16384;
const B = 32768;
const END = B + 400 * ROW_BYTES;
const INIT = 4096;

function tileRowsOf(tile: TileName): number {
  return Number(tile.split("x")[0]);
}

/** The tile's product in float64, element by element; throws where one is further off than rounding explains. */
function check(floats: Float32Array, reading: TileResult["reading"], rows: number, k: number): void {
  for (let r = 0; r < rows; r++) {
    for (let column = 0; column < LANES; column++) {
      let sum = 0;
      for (let i = 0; i < k; i++) {
        const panel = Math.floor(i / LANES) * rows;
        const a = reading === "normal" ? (panel + r) * LANES + (i % LANES) : i * LANES + r;
        sum += floats[A / 4 + a]! * floats[B / 4 + i * LANES + column]!;
      }
      const found = floats[C / 4 + r * LANES + column]!;
      if (!(Math.abs(found - sum) <= k * k * 2 ** -24)) {
        throw new Error(`a wrong tile is not timed: element ${r}, ${column} is ${found}, expected ${sum}`);
      }
    }
  }
}

/** Every micro-kernel alone, over operands in the first-level cache. */
export async function benchTiles({ arithmetic, budget }: Setting): Promise<TileResult[]> {
  const instance = assemble("tiles", arithmetic);
  const { memory } = instance.exports;
  if (!(memory instanceof WebAssembly.Memory)) throw new Error("the bench module has no memory");
  if (memory.buffer.byteLength < END + ROW_BYTES) memory.grow(1);
  const floats = new Float32Array(memory.buffer);
  for (let i = A / 4; i < floats.length; i++) floats[i] = (Math.imul(i, 0x9e3779b1) >>> 8) / 2 ** 24 - 0.5;
  const tiles: TileResult[] = [];
  for (const tile of Object.keys(TILES) as TileName[]) {
    const rows = tileRowsOf(tile);
    for (const reading of ["normal", "transposed"] as const) {
      const kernel = exportedFunction(instance, reading);
      const panel = reading === "normal" ? (rows - 1) * ROW_BYTES : 0;
      for (const k of DEPTHS) {
        const run = (): void => void kernel(TILES[tile], rows, C, A, B, k, panel, INIT, TIMES);
        run();
        check(floats, reading, rows, k);
        const { min, median } = await measure(run, budget);
        const flops = 2 * rows * LANES * k * TIMES;
        tiles.push({
          tile,
          reading,
          k,
          gflopsMedian: flops / median / 1e9,
          gflopsBest: flops / min / 1e9,
          clock: clockAfter(run),
        });
      }
    }
  }
  return tiles;
}

export function tilesTable(tiles: readonly TileResult[], peak: Peak): Table {
  return {
    title: "Micro-kernels, one tile in the first-level cache",
    note:
      "Normal reads A along its rows (x·W, W·dyᵀ), transposed down its columns (xᵀ·dy). The peak is that of the clock " +
      "at the start; of cycles is the part of what is possible at the clock that the core had right after the kernel.",
    columns: ["tile", "A is read", "k", "GFLOP/s median", "best", "of peak", "GHz", "of cycles"],
    rows: tiles.map(({ tile, reading, k, gflopsMedian, gflopsBest, clock }) => [
      tile,
      reading,
      String(k),
      digits3(gflopsMedian),
      digits3(gflopsBest),
      percent((gflopsMedian * 1e9) / peak.flops),
      digits3(clock / 1e9),
      percent((gflopsMedian * 1e9) / peakAt(clock, peak)),
    ]),
  };
}
