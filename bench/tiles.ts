import { LANES, ROW_BYTES } from "../src/wasm/layout.ts";
import { readMatrix, type Steps } from "../src/wasm/matrix.ts";
import { TILES, type TileName } from "../src/wasm/tiles.ts";
import { matmulForward } from "../test/reference/matmul.ts";
import { matmulForwardTolerance } from "../test/reference/tolerance.ts";
import { whyNotClose } from "../test/support/closeness.ts";
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

/** Where A, B and C of one tile are (assembly/tiles.ts), and the floats of their memory. */
interface Places {
  readonly floats: Float32Array;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** Fills a memory with numbers; C starts from the zeros below them. */
function fill({ exports }: WebAssembly.Instance): Places {
  const { memory, A, B, C } = exports as Record<string, WebAssembly.Global> & { memory: WebAssembly.Memory };
  const [a, b, c] = [A, B, C].map((place) => Number(place!.value)) as [number, number, number];
  if (memory.buffer.byteLength < b + Math.max(...DEPTHS) * ROW_BYTES) memory.grow(1);
  const floats = new Float32Array(memory.buffer);
  for (let i = a / 4; i < floats.length; i++) floats[i] = (Math.imul(i, 0x9e3779b1) >>> 8) / 2 ** 24 - 0.5;
  return { floats, a, b, c };
}

/** Throws unless the tile is the product in float64. */
function check({ floats, a, b, c }: Places, reading: TileResult["reading"], rows: number, k: number): void {
  const read = (at: number, height: number, size: readonly [number, number], steps?: Steps) => {
    const values = new Float32Array(size[0] * size[1]);
    readMatrix(floats, { at, stride: height * ROW_BYTES, panels: 1 }, size, values, steps);
    return values;
  };
  const left = reading === "normal" ? read(a, rows, [rows, k]) : read(a, k, [k, rows], { row: 1, column: k });
  const right = read(b, k, [k, LANES]);
  const expected = matmulForward(left, right, undefined, rows, k, LANES);
  const atol = matmulForwardTolerance(left, right, undefined, rows, k, LANES);
  const why = whyNotClose(read(c, rows, [rows, LANES]), expected, { rtol: 0, atol, shape: [rows, LANES] });
  if (why !== undefined) throw new Error(`a tile of ${rows} rows, ${reading}: ${why}`);
}

/** Every micro-kernel alone, over operands in the first-level cache. */
export async function benchTiles({ arithmetic, budget }: Setting): Promise<TileResult[]> {
  const instance = assemble("tiles", arithmetic);
  const places = fill(instance);
  const tiles: TileResult[] = [];
  for (const tile of Object.keys(TILES) as TileName[]) {
    const rows = Number(tile.split("x")[0]);
    for (const reading of ["normal", "transposed"] as const) {
      const kernel = exportedFunction(instance, reading);
      for (const k of DEPTHS) {
        const run = (): void => void kernel(TILES[tile], rows, k, TIMES);
        run();
        check(places, reading, rows, k);
        const { min, median } = await measure(run, budget);
        const gflops = (seconds: number): number => (2 * rows * LANES * k * TIMES) / seconds / 1e9;
        const speeds = { gflopsMedian: gflops(median), gflopsBest: gflops(min), clock: clockAfter(run) };
        tiles.push({ tile, reading, k, ...speeds });
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
