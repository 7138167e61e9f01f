import type { NodeProto } from "../../codecs/onnx.ts";
import type { Arena } from "../../wasm/arena.ts";
import type { Draws, Kernels, UpdateRoom } from "../../wasm/kernels.ts";
import type { Matrix, Range, Steps, Transposed } from "../../wasm/matrix.ts";
import type { VaeConfig } from "../config.ts";
import type { NamedTensor } from "../tensors.ts";

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

/** Byte offsets of parameters and of Adam's two moments of them; inference has no moments. */
export interface ParameterPlaces {
  readonly w: number;
  readonly m: number;
  readonly v: number;
}

/** Where everything is that a layer reads and writes. */
export interface Places<Own> {
  readonly parameters: ParameterPlaces;
  readonly x: Matrix;
  readonly y: Matrix;
  /** What its kind keeps for itself. */
  readonly own: Own;
  /** The gradient of y, and of x where anything reads that; only for training. */
  readonly dy: Matrix | undefined;
  readonly dx: Matrix | undefined;
  readonly transposes: TransposeRoom;
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

/** A tensor of parameters in a buffer of them: rows and columns of a matrix, and where they are in PyTorch's order. */
export interface PlacedTensor extends Omit<NamedTensor, "data"> {
  readonly matrix: Matrix;
  readonly size: readonly [rows: number, columns: number];
  readonly steps?: Steps;
}

/** What a kind of layer is. `L` is its entry in the architecture, `Own` what it keeps in memory beside x and y. */
export interface LayerKind<L, Own> {
  /** Bytes of its parameters. */
  bytes(layer: L): number;
  /** Its tensors, in a buffer in which its parameters begin at byte `at`. */
  tensors(layer: L, at: number): PlacedTensor[];
  /** Its initial values, from the streams `stream`, … of the seed's random numbers; returns the next stream. */
  initialize(kernels: Kernels, layer: L, at: number, stream: number, key: Draws["key"]): number;
  /** Room for y, and for what else the forward pass writes. */
  plan(arena: Arena, layer: L, use: NetworkUse, config: VaeConfig): Pick<Places<Own>, "y" | "own">;
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
