import type { NodeProto } from "../../codecs/onnx.ts";
import { PURPOSE } from "../../random/purpose.ts";
import type { Finish, Kernels, UpdateRoom } from "../../wasm/kernels.ts";
import { LANES, LISTED_TOGETHER, ROW_BYTES } from "../../wasm/layout.ts";
import {
  type Matrix,
  type Nonzeros,
  panelsOf,
  type Range,
  roundUp,
  rowOf,
  type TrainedWeights,
  type Weights,
  weightsAt,
} from "../../wasm/matrix.ts";
import { ACTIVATIONS, type ActivationEntry } from "../activations.ts";
import type { DenseLayer } from "../architecture.ts";
import type { VaeConfig } from "../config.ts";
import { share, shareByCost } from "../share.ts";
import type { LayerKind, LayerView, PlacedLayer, Places, Share } from "./layer.ts";

/** Layers of fewer panels gain nothing from nonzeros: listing them costs as much as the product. */
const WIDE_PANELS = 5;
/** What Adam costs a block of columns, in units of a block's products if nothing in it were zero; measured. */
const ADAM_COST = 0.12;

/** What a dense layer has in memory beside its input and output. */
export interface DenseOwn {
  /** x·W + b, for an activation whose derivative reads it. */
  readonly pre: Matrix | undefined;
  /** The nonzeros of x by row and by column; whether they are used is decided step by step, and changes no bit. */
  readonly nonzeros: { readonly rows: Nonzeros; readonly columns: Nonzeros } | undefined;
}

/** torch.nn.Linear, one or several side by side, and the activation behind it: y = f(x·W + b). */
export const dense: LayerKind<DenseLayer, DenseOwn> = {
  bytes: (layer) => panels(layer) * (inputs(layer) + 1) * ROW_BYTES,

  tensors: (layer, at) =>
    modules(layer, at).flatMap(({ name, outputs, k, weights }) => [
      {
        name: `${name}.weight`,
        shape: [outputs, k],
        matrix: weights,
        size: [k, outputs],
        steps: { row: 1, column: k },
      },
      { name: `${name}.bias`, shape: [outputs], matrix: rowOf(weights, k), size: [1, outputs] },
    ]),

  /** U(−1/√k, 1/√k) for weights and biases of k inputs, as torch.nn.Linear.reset_parameters. */
  initialize(kernels, layer, at, stream, key) {
    let step = stream;
    for (const { weights, outputs, k } of modules(layer, at)) {
      kernels.uniform(weights, outputs, 1 / Math.sqrt(k), { key, purpose: PURPOSE.init, step: step++ });
    }
    return step;
  },

  plan(arena, layer, { capacity, training, sparse, listHidden }, { activation }) {
    const { input, output } = layer;
    const entry: ActivationEntry = ACTIVATIONS[activation];
    const y = arena.matrix(output.name, capacity, panels(layer));
    const keeps = training && output.role === "hidden" && entry.reads === "input";
    const wide = input.role === "hidden" && listHidden && entry.sparse && panels(layer) >= WIDE_PANELS;
    const listed = training && (input.role === "data" ? sparse : wide);
    const rows = roundUp(capacity, LANES);
    const columns = roundUp(inputs(layer), LANES);
    const own = {
      pre: keeps ? arena.matrix(`${output.name} before ${activation}`, capacity, panels(layer)) : undefined,
      nonzeros: listed
        ? {
            rows: arena.nonzeros(`rows of ${input.name}`, rows, inputs(layer)),
            columns: arena.nonzeros(`columns of ${input.name}`, columns, rows),
          }
        : undefined,
    };
    return { y, own };
  },

  place: (kernels, layer, places, config) => new PlacedDense(kernels, layer, places, config),
};

export const denseView: LayerView<DenseLayer> = {
  /** Gemm: input · weightᵀ + bias; the weights stay [out, in]. */
  onnx(
    { modules, output },
    { activation },
    input,
    outputs = modules.map(({ name }) => `${name}.${activation}`),
  ) {
    const hidden = output.role === "hidden";
    return outputs.flatMap((to, i) => {
      const { name } = modules[i]!;
      const sums = hidden ? name : to;
      const inputs = [input, `${name}.weight`, `${name}.bias`];
      const gemm = { name, op_type: "Gemm", input: inputs, output: [sums], attribute: { transB: 1 } };
      return [gemm, ...(hidden ? activationNodes(ACTIVATIONS[activation], sums, to) : [])];
    });
  },

  torch(layer, { activation }) {
    const { torch } = ACTIVATIONS[activation];
    const linear = layer.modules.map(({ name, outputs }) => `${name}: Linear(${inputs(layer)}, ${outputs})`);
    return layer.output.role === "hidden" ? [...linear, `${torch}()`] : linear;
  },
};

function activationNodes({ onnx, gate }: ActivationEntry, input: string, output: string): NodeProto[] {
  const node = (op_type: string, from: readonly string[], to: string) => {
    return { name: to, op_type, input: from, output: [to] };
  };
  if (!gate) return [node(onnx, [input], output)];
  return [node(onnx, [input], `${output}.gate`), node("Mul", [input, `${output}.gate`], output)];
}

function inputs({ input }: DenseLayer): number {
  return input.shape.reduce((sum, size) => sum + size, 0);
}

/** Each module's outputs have panels of their own. */
function panels({ modules }: DenseLayer): number {
  return modules.reduce((sum, { outputs }) => sum + panelsOf(outputs), 0);
}

/** Each module's part of the layer's weights, which begin at byte `at`. */
function modules(layer: DenseLayer, at: number) {
  const k = inputs(layer);
  let next = at;
  return layer.modules.map(({ name, outputs }) => {
    const weights: Weights = weightsAt(next, k, panelsOf(outputs));
    next += weights.panels * weights.stride;
    return { name, outputs, k, weights };
  });
}

class PlacedDense implements PlacedLayer {
  readonly #kernels: Kernels;
  readonly #places: Places<DenseOwn>;
  readonly #w: TrainedWeights;
  readonly #readsData: boolean;
  readonly #activation: ActivationEntry | undefined;
  readonly #finish: Finish;

  constructor(kernels: Kernels, layer: DenseLayer, places: Places<DenseOwn>, { activation }: VaeConfig) {
    const { w, m, v } = places.parameters;
    this.#kernels = kernels;
    this.#places = places;
    this.#w = { ...weightsAt(w, inputs(layer), panels(layer)), m, v };
    this.#readsData = layer.input.role === "data";
    this.#activation = layer.output.role === "hidden" ? ACTIVATIONS[activation] : undefined;
    this.#finish = this.#activation?.fused ?? "none";
  }

  forward(rows: Range): void {
    const { x, y, own } = this.#places;
    const kernels = this.#kernels;
    const w = this.#w;
    const sums = own.pre ?? y;
    if (own.nonzeros) kernels.listRows(own.nonzeros.rows, x, rows);
    const nonzeros = this.#fewNonzeros(rows);
    if (nonzeros) kernels.linearSparse(sums, nonzeros.rows, w, rows, this.#finish);
    else kernels.linear(sums, x, w, rows, this.#finish);
    if (this.#activation?.forward) kernels.elementwise(this.#activation.forward, y, sums, rows);
  }

  backward(rows: Range): void {
    const { y, dy, dx, own, transposes } = this.#places;
    const kernels = this.#kernels;
    if (this.#activation) kernels.elementwise(this.#activation.backward, dy!, own.pre ?? y, rows);
    if (!dx) return;
    const { dyT, dxT } = transposes;
    kernels.transpose(dyT, dy!, rows);
    kernels.linearBackwardInput(dxT, dyT, this.#w, rows);
    kernels.transposeBack(dx, dxT, rows);
  }

  /** The nonzeros of x, where they are so few that a product over them is faster. */
  #fewNonzeros(rows: Range): DenseOwn["nonzeros"] {
    const { nonzeros } = this.#places.own;
    if (!nonzeros) return undefined;
    const places = (rows[1] - rows[0]) * this.#w.k;
    const few = this.#kernels.countNonzeros(nonzeros.rows, rows) < this.#kernels.sparseBelow * places;
    return few ? nonzeros : undefined;
  }

  share(rank: number, size: number, densities?: readonly number[]): Share {
    const { k, panels } = this.#w;
    const groups = Math.ceil(k / LISTED_TOGETHER);
    // a group of columns costs its part of Adam and what its nonzeros add
    const cost = (group: number) => ADAM_COST + densities![Math.floor((group * LISTED_TOGETHER) / LANES)]!;
    const [from, to] =
      this.#readsData && densities
        ? shareByCost(
            Array.from({ length: groups }, (_, i) => cost(i)),
            rank,
            size,
          )
        : share(groups, rank, size);
    return {
      blocks: share(panels * panelsOf(k), rank, size),
      columns: [from * LISTED_TOGETHER, to * LISTED_TOGETHER],
    };
  }

  update({ blocks, columns }: Share, batch: number, room: UpdateRoom): void {
    const { x, dy } = this.#places;
    const kernels = this.#kernels;
    const w = this.#w;
    // all workers count the same nonzeros here, and so choose the same way
    const nonzeros = this.#fewNonzeros([0, batch]);
    if (nonzeros) {
      kernels.listColumns(nonzeros.columns, x, batch, columns);
      kernels.linearUpdateSparse(w, nonzeros.columns, dy!, batch, columns, room);
    } else {
      kernels.linearUpdate(w, x, dy!, batch, blocks, room);
    }
  }

  gradient(away: number, batch: number): void {
    const { x, dy } = this.#places;
    this.#kernels.linearBackwardWeight({ ...this.#w, at: this.#w.at + away }, x, dy!, batch);
  }
}
