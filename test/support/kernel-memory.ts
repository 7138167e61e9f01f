import { BUILDS, type KernelBuild, supportedArithmetic } from "../../src/wasm/builds.ts";
import { compileNode } from "../../src/wasm/compile-node.ts";
import {
  instantiate,
  type Kernels,
  LANES,
  panelsOf,
  ROW_BYTES,
  STATIC_BYTES,
} from "../../src/wasm/kernels.ts";
import type { Numbers } from "../reference/matmul.ts";

/** A matrix in a kernel's memory: panels of 16 columns, [ceil(columns / 16)][rows][16], `stride` bytes apart. */
export interface Panels {
  readonly at: number;
  readonly stride: number;
  readonly rows: number;
  readonly columns: number;
  readonly panels: number;
}

/**
 * What memory holds that no kernel was asked to write: a NaN that no arithmetic makes. It shows where something was
 * written, and where it was read it poisons the result.
 */
const CANARY = 0x7fcaca1f;

/** Rows that stand between the end of one panel and the next: a prime, so that strides are odd. */
const SLACK = 3;

const MEGABYTES = 16;

/** A build of the kernels over a memory that a test fills, one allocation after another. */
export class KernelMemory {
  readonly kernels: Kernels;
  readonly #memory: WebAssembly.Memory;
  #next = STATIC_BYTES;

  constructor(module: WebAssembly.Module, shared: boolean) {
    const pages = MEGABYTES * 16;
    // the maximum is the one that the builds are linked with, or less
    const own = shared ? new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }) : undefined;
    const { kernels, memory } = instantiate(module, own);
    if (!shared) memory.grow(pages - memory.buffer.byteLength / 65536);
    this.kernels = kernels;
    this.#memory = memory;
  }

  /** Forgets all allocations. */
  reset(): void {
    this.#next = STATIC_BYTES;
  }

  /** `bytes` bytes of canaries on cache lines of their own. */
  allocate(bytes: number): number {
    const at = this.#next;
    this.#next += Math.ceil(bytes / ROW_BYTES) * ROW_BYTES;
    if (this.#next > this.#memory.buffer.byteLength) throw new RangeError("the test needs a larger memory");
    this.words(at, (this.#next - at) / 4).fill(CANARY);
    return at;
  }

  words(at: number, count: number): Uint32Array {
    return new Uint32Array(this.#memory.buffer, at, count);
  }

  floats(at: number, count: number): Float32Array {
    return new Float32Array(this.#memory.buffer, at, count);
  }

  doubles(at: number, count: number): Float64Array {
    return new Float64Array(this.#memory.buffer, at, count);
  }

  /** Room for a matrix, all canaries. */
  room(rows: number, columns: number, slack = SLACK): Panels {
    const stride = (rows + slack) * ROW_BYTES;
    const panels = panelsOf(columns);
    return { at: this.allocate(panels * stride), stride, rows, columns, panels };
  }

  /** A row-major matrix as panels; the lanes that pad its last panel are zeros, what stands between panels is not. */
  put(values: Numbers, rows: number, columns: number, slack = SLACK): Panels {
    const matrix = this.room(rows, columns, slack);
    this.write(matrix, values);
    return matrix;
  }

  /** Row-major values into a matrix, with zeros in the lanes that pad its last panel. */
  write(matrix: Panels, values: Numbers): void {
    const { at, stride, rows, columns, panels } = matrix;
    const floats = this.floats(at, ((panels - 1) * stride + rows * ROW_BYTES) / 4);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < panels * LANES; c++) {
        floats[placeOf(matrix, r, c)] = c < columns ? values[r * columns + c] : 0;
      }
    }
  }

  /** Weights [k, n] and the bias [n] under them, as kernels want them: panels of k + 1 rows with nothing between. */
  putWeights(w: Numbers, b: Numbers, k: number, n: number): Panels {
    return this.put([...Array.from(w), ...Array.from(b)], k + 1, n, 0);
  }

  /** Numbers in a row, as float32. */
  putVector(values: Numbers): number {
    const at = this.allocate(values.length * 4);
    this.floats(at, values.length).set(Array.from(values));
    return at;
  }

  /** A matrix back to row-major. */
  get(matrix: Panels): Float32Array<ArrayBuffer> {
    return this.#lanes(matrix, 0, matrix.columns);
  }

  /** The lanes that pad the last panel. */
  padding(matrix: Panels): Float32Array<ArrayBuffer> {
    return this.#lanes(matrix, matrix.columns, matrix.panels * LANES);
  }

  #lanes(matrix: Panels, first: number, last: number): Float32Array<ArrayBuffer> {
    const { at, stride, rows, panels } = matrix;
    const floats = this.floats(at, ((panels - 1) * stride + rows * ROW_BYTES) / 4);
    const values = new Float32Array(rows * (last - first));
    let i = 0;
    for (let r = 0; r < rows; r++) {
      for (let c = first; c < last; c++) values[i++] = floats[placeOf(matrix, r, c)];
    }
    return values;
  }

  /** How many floats have been written between the panels and in rows that are not among the `rows` from `first`. */
  strays({ at, stride, panels, ...matrix }: Panels, first = 0, rows = matrix.rows): number {
    const words = this.words(at, (panels * stride) / 4);
    let strays = 0;
    for (let i = 0; i < words.length; i++) {
      const row = Math.floor((i % (stride / 4)) / LANES) - first;
      if ((row < 0 || row >= rows) && words[i] !== CANARY) strays++;
    }
    return strays;
  }
}

/** The `rows` rows from `first` of a matrix, as a matrix. */
export function rowsOf(matrix: Panels, first: number, rows: number): Panels {
  return { ...matrix, at: matrix.at + first * ROW_BYTES, rows };
}

/** The index of an element among the floats of its matrix. */
function placeOf({ stride }: Panels, row: number, column: number): number {
  return (Math.floor(column / LANES) * stride) / 4 + row * LANES + (column % LANES);
}

/** Float32 values, as a kernel sees them, for the twins. */
export function float32(values: Numbers): Float32Array {
  return Float32Array.from(Array.from(values));
}

/** The bits of floats, to be compared exactly: 0 and −0 differ. */
export function bitsOf(values: Float32Array | Float64Array): Uint32Array {
  return new Uint32Array(values.slice().buffer);
}

export interface OpenBuild extends KernelBuild {
  readonly module: WebAssembly.Module;
  readonly memory: KernelMemory;
}

/** All builds that this engine runs, each over a memory of its own. */
export async function openBuilds(): Promise<OpenBuild[]> {
  const supported = supportedArithmetic();
  const builds = BUILDS.filter(({ arithmetic }) => supported.includes(arithmetic));
  return Promise.all(
    builds.map(async (build) => {
      const module = await compileNode(build);
      return { ...build, module, memory: new KernelMemory(module, build.shared) };
    }),
  );
}
