import { KernelError } from "../errors.ts";
import type { Arithmetic } from "./builds.ts";
import { TILES } from "./tiles.ts";

/**
 * The kernels of assembly/, typed: the only place that touches a module's exports.
 *
 * Pointers and strides are bytes; a matrix of `columns` columns is ceil(columns / 16) panels of 16, a stride the way
 * from one panel to the next. What each computes, and from which equation, stands beside its source in assembly/.
 */
export interface Kernels {
  /** y = f(x·W + b) */
  linear(
    y: number,
    yStride: number,
    x: number,
    xStride: number,
    w: number,
    rows: number,
    panels: number,
    k: number,
    activation: number,
    tile: number,
  ): void;
  /** dxᵀ = W·dyᵀ, in blocks of 16 rows of the batch */
  linearBackwardInput(
    dxT: number,
    dxStride: number,
    dyT: number,
    dyStride: number,
    w: number,
    blocks: number,
    k: number,
    n: number,
    tile: number,
  ): void;
  /** [dW; db] = [xᵀ·dy; Σ dy] for the weight blocks first ≤ i < last */
  linearBackwardWeight(
    dw: number,
    x: number,
    xStride: number,
    dy: number,
    dyStride: number,
    batch: number,
    k: number,
    first: number,
    last: number,
    tile: number,
  ): void;
  /** The same and Adam's update with it */
  linearUpdate(
    w: number,
    m: number,
    v: number,
    x: number,
    xStride: number,
    dy: number,
    dyStride: number,
    batch: number,
    k: number,
    first: number,
    last: number,
    gradient: number,
    adam: number,
    tile: number,
  ): void;
  /** Lists of what is not zero in the rows of x, `k` columns, or in its columns first ≤ column < last, fours of them */
  listRows(
    lists: number,
    listStride: number,
    ends: number,
    endStride: number,
    x: number,
    xStride: number,
    rows: number,
    k: number,
  ): void;
  listColumns(
    lists: number,
    listStride: number,
    ends: number,
    endStride: number,
    x: number,
    xStride: number,
    rows: number,
    first: number,
    last: number,
  ): void;
  /** How many entries lists of `length` places have in all */
  countEntries(ends: number, endStride: number, lists: number, length: number): number;
  /** linear, x given as the lists of its rows */
  linearSparse(
    y: number,
    yStride: number,
    lists: number,
    listStride: number,
    ends: number,
    endStride: number,
    w: number,
    rows: number,
    panels: number,
    k: number,
    activation: number,
    tile: number,
  ): void;
  /** linearUpdate, x given as the lists of its columns, for the columns first ≤ column < last */
  linearUpdateSparse(
    w: number,
    m: number,
    v: number,
    lists: number,
    listStride: number,
    ends: number,
    endStride: number,
    dy: number,
    dyStride: number,
    batch: number,
    panels: number,
    k: number,
    first: number,
    last: number,
    gradient: number,
    adam: number,
    tile: number,
  ): void;

  /** Adam on `rows` rows of 16 parameters; `adam`: six float32 β1, 1 − β1, β2, 1 − β2, rate, epsilon */
  adamRows(w: number, m: number, v: number, g: number, rows: number, adam: number): void;

  /** dy ← dy·relu′ and dy·tanh′, given the layer's output y */
  reluBackward(dy: number, y: number, stride: number, rows: number, panels: number): void;
  tanhBackward(dy: number, y: number, stride: number, rows: number, panels: number): void;
  /** y = x·σ(x), y may be x; and dy ← dy·silu′, given the layer's input x */
  silu(y: number, x: number, stride: number, rows: number, panels: number): void;
  siluBackward(dy: number, x: number, stride: number, rows: number, panels: number): void;

  /** −log p(x|z) per row as float64; its gradient, times one float32 weight per row, overwrites out */
  bernoulli(
    loss: number,
    out: number,
    x: number,
    stride: number,
    rows: number,
    columns: number,
    scratch: number,
    weights: number,
  ): void;
  gaussian(
    loss: number,
    out: number,
    x: number,
    stride: number,
    rows: number,
    columns: number,
    scratch: number,
    weights: number,
  ): void;
  /** −log p(x|z) per row as float64, bitwise the same; out stays */
  bernoulliLoss(
    loss: number,
    out: number,
    x: number,
    stride: number,
    rows: number,
    columns: number,
    scratch: number,
  ): void;
  gaussianLoss(
    loss: number,
    out: number,
    x: number,
    stride: number,
    rows: number,
    columns: number,
    scratch: number,
  ): void;
  /** σ in place */
  sigmoid(out: number, stride: number, rows: number, panels: number): void;

  /** z = μ + exp(½·logvar)⊙ε */
  reparameterize(
    z: number,
    mu: number,
    logvar: number,
    eps: number,
    stride: number,
    rows: number,
    panels: number,
  ): void;
  /** KL(q‖N(0, I)) a row as float64 */
  kl(loss: number, mu: number, logvar: number, stride: number, rows: number, panels: number): void;
  /** From dz to dμ and dlogvar, the KL term's gradient times one float32 weight per row included */
  latentBackward(
    dmu: number,
    dlogvar: number,
    dz: number,
    mu: number,
    logvar: number,
    eps: number,
    stride: number,
    rows: number,
    panels: number,
    weights: number,
  ): void;

  /** Standard normals, a function of (column, row, step, purpose, key) */
  philoxNormal(
    out: number,
    stride: number,
    firstRow: number,
    rows: number,
    columns: number,
    step: number,
    purpose: number,
    key0: number,
    key1: number,
  ): void;
  /** Uniforms in [−bound, bound) */
  philoxUniform(
    out: number,
    stride: number,
    rows: number,
    columns: number,
    bound: number,
    step: number,
    purpose: number,
    key0: number,
    key1: number,
  ): void;

  /** Rows of a dataset, chosen by u32 indices, as panels; bytes are divided by 255 */
  gatherBytes(x: number, stride: number, data: number, indices: number, rows: number, columns: number): void;
  gatherFloats(x: number, stride: number, data: number, indices: number, rows: number, columns: number): void;

  /** Squares of 16×16 transposed, one block of rows and one panel each */
  transpose(
    to: number,
    toBlock: number,
    toPanel: number,
    from: number,
    fromBlock: number,
    fromPanel: number,
    blocks: number,
    panels: number,
  ): void;
}

/** Floats in a row of a panel, and its bytes: one cache line. */
export const LANES = 16;
export const ROW_BYTES = 64;

/** Room that the kernels want for a step's gradient before Adam takes it: 5 panels of 16 rows and a bias. */
export const GRADIENT_BYTES = 5 * (LANES + 1) * ROW_BYTES;
/** A list of what is not zero (assembly/lists.ts): the bytes of an entry, and the places of a segment. */
export const ENTRY_BYTES = 8;
const SEGMENT = 128;
/** Entries are written four at a time, and columns are listed so. */
export const LISTED_TOGETHER = 4;

/** Bytes of a list of `length` places: whole panels are listed, padding that is not zero included, as NaN makes it. */
export function listBytes(length: number): number {
  return (panelsOf(length) * LANES + LISTED_TOGETHER) * ENTRY_BYTES;
}

/** Bytes that say where the segments of a list of `length` places end. */
export function listEndBytes(length: number): number {
  return (Math.ceil(length / SEGMENT) + 1) * 4;
}

/** Memory below this belongs to the kernels' static data. */
export const STATIC_BYTES = 4096;

/** Panels that hold `columns` columns; blocks of 16 rows that hold `rows` rows. */
export function panelsOf(columns: number): number {
  return Math.ceil(columns / LANES);
}

/** Where the element of a matrix stands among the floats from its start; its panels are `stride` bytes apart. */
export function elementIndex(stride: number, row: number, column: number): number {
  return (Math.floor(column / LANES) * stride) / 4 + row * LANES + (column % LANES);
}

/** The codes of activations, as assembly/activation.ts numbers them. */
export const ACTIVATIONS = { none: 0, relu: 1, tanh: 2 } as const;

const CODES: Readonly<Record<string, number>> = {
  NONE: ACTIVATIONS.none,
  RELU: ACTIVATIONS.relu,
  TANH: ACTIVATIONS.tanh,
  TILE_6X16: TILES["6x16"],
  TILE_4X16: TILES["4x16"],
  TILE_6X8: TILES["6x8"],
  TILE_4X8: TILES["4x8"],
};

export interface Instance {
  readonly kernels: Kernels;
  readonly memory: WebAssembly.Memory;
}

/** An instance of one of our builds. */
export interface BuildInstance extends Instance {
  /** How it rounds, as it says itself. */
  readonly arithmetic: Arithmetic;
}

/**
 * Instantiates a build of the kernels, over `memory` for a shared build, over its own otherwise.
 *
 * @throws {KernelError} when the module is not a build of this version's kernels
 */
export function instantiate(module: WebAssembly.Module, memory?: WebAssembly.Memory): BuildInstance {
  let exports: WebAssembly.Exports;
  try {
    exports = new WebAssembly.Instance(module, memory ? { env: { memory } } : {}).exports;
  } catch (cause) {
    const wanted = memory ? "that imports env.memory (shared)" : "that owns its memory";
    throw new KernelError(`expected a kernel build ${wanted}, but it does not instantiate: ${String(cause)}`);
  }
  for (const [name, code] of Object.entries(CODES)) expectConstant(exports, name, [code]);
  const fused = expectConstant(exports, "FUSED", [0, 1]);
  const { heapBase } = exports;
  if (typeof heapBase !== "function" || heapBase() > STATIC_BYTES) {
    throw new KernelError(`expected kernels whose static data ends below ${STATIC_BYTES} bytes`);
  }
  const own = exports.memory;
  if (!(own instanceof WebAssembly.Memory)) {
    throw new KernelError(
      "the WebAssembly module is not a kernel build: it neither imports nor exports memory",
    );
  }
  if (memory && own !== memory) {
    throw new KernelError(
      "expected a kernel build that imports env.memory (shared), found one that owns its memory",
    );
  }
  return { kernels: exports as unknown as Kernels, arithmetic: fused ? "relaxed" : "simd", memory: own };
}

function expectConstant(exports: WebAssembly.Exports, name: string, allowed: readonly number[]): number {
  const global = exports[name];
  const value: unknown = global instanceof WebAssembly.Global ? global.value : undefined;
  const found = allowed.find((code) => code === value);
  if (found !== undefined) return found;
  throw new KernelError(
    `the WebAssembly module is not this version's kernels: expected the export ${name} = ${allowed.join(" or ")}; ` +
      "rebuild it or use the file that came with this package",
  );
}
