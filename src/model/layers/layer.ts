import type { NodeProto } from "../../codecs/onnx.ts";
import type { Arena } from "../../wasm/arena.ts";
import type { Kernels, UpdateRoom } from "../../wasm/kernels.ts";
import type { Matrix, Range, Transposed } from "../../wasm/matrix.ts";
import type { VaeConfig } from "../config.ts";
import type { NamedTensor, Tensors } from "../tensors.ts";

/** What a network is for decides what it has room for. */
export interface NetworkUse {
  /** Rows that it works on at once. */
  readonly capacity: number;
  /** Whether gradients are computed, too. */
  readonly training: boolean;
  /** Whether the data are sparse, so that the first layer may work on its nonzeros. */
  readonly sparse: boolean;
  /** Whether wide layers may work on the nonzeros that a ReLU leaves, about half. */
  readonly listHidden: boolean;
}

/** Room to transpose a block of rows of a layer's output gradient and of its input gradient. */
export interface TransposeRoom {
  readonly dyT: Transposed;
  readonly dxT: Transposed;
}

/** What a layer's forward pass reads and writes, and what a kind of layer keeps for itself. */
export interface ForwardPlaces<Own> {
  readonly x: Matrix;
  readonly y: Matrix;
  readonly own: Own;
}

/** Byte offsets of parameters and of Adam's two moments of them; inference has no moments. */
export interface ParameterPlaces {
  readonly w: number;
  readonly m: number;
  readonly v: number;
}

/** Where everything stands that a layer reads and writes; what only training needs is absent without. */
export interface Places<Own> extends ForwardPlaces<Own> {
  readonly parameters: ParameterPlaces;
  /** The gradient of y, and of x where anything reads that. */
  readonly dy: Matrix | undefined;
  readonly dx: Matrix | undefined;
  readonly transposes: TransposeRoom | undefined;
}

/** What one worker updates of a layer's weights: some blocks, or some columns of a sparse input. */
export interface Share {
  readonly blocks: Range;
  readonly columns: Range;
}

/** A layer at work. It touches the rows that it is given and no others. */
export interface PlacedLayer {
  /** x → y */
  forward(rows: Range): void;
  /** dy → dx, and dy becomes the gradient of what the activation was given. */
  backward(rows: Range): void;
  /** @param densities of its input's nonzeros, for each 16 columns, where they are known */
  share(rank: number, size: number, densities?: readonly number[]): Share;
  /** Adam's update of a share of the weights, from the gradient over the whole batch. */
  update(share: Share, batch: number, room: UpdateRoom): void;
  /** The gradient of all weights over the whole batch, laid out as they are, `away` bytes from where they are. */
  gradient(away: number, batch: number): void;
}

/** What a kind of layer is. `L` is its entry in the architecture, `Own` what it keeps in memory beside x and y. */
export interface LayerKind<L, Own> {
  /** Bytes of its parameters. */
  bytes(layer: L): number;
  /** Names and PyTorch shapes of its tensors. */
  tensors(layer: L): readonly (readonly [name: string, shape: readonly number[]])[];
  /** Copies its parameters, or what is laid out like them, out of a buffer where they begin at byte `at`. */
  unpack(layer: L, buffer: Float32Array, at: number): NamedTensor[];
  /** The inverse of `unpack`. */
  pack(layer: L, tensors: Tensors, buffer: Float32Array, at: number): void;
  /** How many streams of random numbers its initial values take. */
  streams(layer: L): number;
  /** Its initial values: streams `first`, … of the seed's. */
  initialize(kernels: Kernels, layer: L, at: number, first: number, key: readonly [number, number]): void;
  /** Room for y, and for what else the forward pass writes. */
  plan(arena: Arena, layer: L, x: Matrix, use: NetworkUse, config: VaeConfig): ForwardPlaces<Own>;
  place(kernels: Kernels, layer: L, places: Places<Own>, config: VaeConfig): PlacedLayer;
}

/** How other programs say a kind of layer; apart from `LayerKind`, because an edge runtime has no use for it. */
export interface LayerView<L> {
  /**
   * Its nodes in ONNX, the activation included, up to one output for each name in `outputs`; without names it chooses its
   * own.
   */
  onnx(layer: L, config: VaeConfig, input: string, outputs?: readonly string[]): NodeProto[];
  /** As PyTorch prints its modules: `fc1: Linear(784, 400)`. */
  torch(layer: L, config: VaeConfig): readonly string[];
}
