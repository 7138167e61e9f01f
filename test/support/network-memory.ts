import type { VaeConfig } from "../../src/model/config.ts";
import { Network } from "../../src/model/network.ts";
import { planNetwork } from "../../src/model/network-memory.ts";
import { TERMS, type Terms } from "../../src/model/objective.ts";
import { packTensors, parameterTable, unpackTensors } from "../../src/model/parameters.ts";
import { share } from "../../src/model/share.ts";
import { Arena, allocateShared, growTo, type Region } from "../../src/wasm/arena.ts";
import type { KernelBuild } from "../../src/wasm/builds.ts";
import { instantiate } from "../../src/wasm/instance.ts";
import { Kernels } from "../../src/wasm/kernels.ts";
import { GRADIENT_BYTES, LANES, ROW_BYTES } from "../../src/wasm/layout.ts";
import { panelsOf, type Range, writeMatrix } from "../../src/wasm/matrix.ts";
import type { TileName } from "../../src/wasm/tiles.ts";
import { ADAM_DEFAULTS, type AdamSettings } from "../reference/adam.ts";
import type { Numbers } from "../reference/matmul.ts";
import { adamCoefficients } from "./adam.ts";
import { float32 } from "./kernel-memory.ts";

export interface NetworkMemoryOptions {
  readonly capacity: number;
  readonly sparse?: boolean;
  readonly tile?: TileName;
  /** The work is shared out as among so many workers, one after another. */
  readonly workers?: number;
}

export type Losses = Terms<Float64Array>;

type Buffer = "parameters" | "m" | "v" | "gradients";

/** Where everything is that a network and its training need. */
function planMemory(config: VaeConfig, { capacity, sparse }: Required<NetworkMemoryOptions>) {
  const arena = new Arena();
  const table = parameterTable(config);
  return {
    arena,
    table,
    buffers: {
      parameters: arena.region("parameters", table.bytes),
      m: arena.region("m", table.bytes),
      v: arena.region("v", table.bytes),
      gradients: arena.region("gradients", table.bytes),
    },
    network: planNetwork(arena, config, { capacity, training: true, sparse, listHidden: sparse }),
    room: arena.region("gradient", GRADIENT_BYTES),
    adam: arena.region("Adam's coefficients", ROW_BYTES),
    data: arena.region("data", capacity * config.inputDim * 4),
    order: arena.region("order", capacity * 4),
  };
}

/** A network over a memory of its own, with noise that a test brings along: the two phases of a step, by hand. */
export class NetworkMemory {
  readonly network: Network;
  readonly #config: VaeConfig;
  readonly #options: Required<NetworkMemoryOptions>;
  readonly #at: ReturnType<typeof planMemory>;
  readonly #kernels: Kernels;
  readonly #memory: WebAssembly.Memory;
  #steps = 0;

  constructor(
    config: VaeConfig,
    { module, shared }: Pick<KernelBuild, "shared"> & { readonly module: WebAssembly.Module },
    { capacity, sparse = false, tile = "4x8", workers = 1 }: NetworkMemoryOptions,
  ) {
    this.#config = config;
    this.#options = { capacity, sparse, tile, workers };
    this.#at = planMemory(config, this.#options);
    const { arena, buffers, network, order } = this.#at;
    const { exports, memory } = instantiate(module, shared ? allocateShared(arena) : undefined);
    if (!shared) growTo(memory, arena);
    this.#memory = memory;
    this.#kernels = new Kernels(exports, tile);
    const places = { w: buffers.parameters.at, m: buffers.m.at, v: buffers.v.at };
    this.network = new Network(this.#kernels, config, network, places, memory.buffer);
    const numbers = new Uint32Array(memory.buffer, order.at, capacity);
    for (let i = 0; i < capacity; i++) numbers[i] = i;
  }

  #floats({ at, bytes }: Region): Float32Array {
    return new Float32Array(this.#memory.buffer, at, bytes / 4);
  }

  setParameters(tensors: ReadonlyMap<string, Float32Array>): void {
    const named = new Map([...tensors].map(([name, data]) => [name, { data }]));
    packTensors(this.#at.table, named, this.#floats(this.#at.buffers.parameters));
  }

  /** Copies of tensors by name. */
  tensors(buffer: Buffer): Map<string, Float32Array> {
    const tensors = unpackTensors(this.#at.table, this.#floats(this.#at.buffers[buffer]));
    return new Map(tensors.map(({ name, data }) => [name, data]));
  }

  /** A buffer whole, what pads the panels included. */
  raw(buffer: Buffer): Float32Array {
    return this.#floats(this.#at.buffers[buffer]).slice();
  }

  /** x is [rows, inputDim], eps is [rows, latentDim]; forward, losses and the gradients of all outputs. */
  rowsPhase(x: Numbers, eps: Numbers, rows: number): Losses {
    this.#floats(this.#at.data).set(Array.from(x));
    const { latent, objective } = this.#at.network;
    const floats = new Float32Array(this.#memory.buffer);
    writeMatrix(floats, latent.eps, [rows, this.#config.latentDim], float32(eps));
    const { workers } = this.#options;
    for (let rank = 0; rank < workers; rank++) {
      const [from, to] = share(panelsOf(rows), rank, workers);
      const range: Range = [from * LANES, Math.min(rows, to * LANES)];
      if (range[0] < range[1]) this.#rows(range);
    }
    const losses = ({ at }: Region) => new Float64Array(this.#memory.buffer, at, rows).slice();
    const [reconstruction, kl] = TERMS.map((term) => losses(objective.losses[term]));
    return { reconstruction, kl };
  }

  /** What a worker does with its rows; z comes from the noise in memory, in place of the network's own. */
  #rows(rows: Range): void {
    const { network } = this;
    const { data, order } = this.#at;
    network.gather(rows, { at: data.at, bytesPerValue: 4 }, order.at + rows[0] * 4);
    network.encode(rows);
    this.#kernels.reparameterize(network.memory.latent, rows);
    network.decode(rows);
    network.backward(rows);
  }

  /** The gradient of the batch that rowsPhase has seen. */
  gradients(rows: number): Map<string, Float32Array> {
    this.network.gradient(this.#at.buffers.gradients.at, rows);
    return this.tensors("gradients");
  }

  /** One step of training. */
  step(x: Numbers, eps: Numbers, rows: number, settings: AdamSettings = ADAM_DEFAULTS): Losses {
    const losses = this.rowsPhase(x, eps, rows);
    this.#steps += 1;
    const { room, adam } = this.#at;
    this.#floats(adam).set(adamCoefficients(this.#steps, settings));
    const { workers, sparse } = this.#options;
    const blocks = panelsOf(this.#config.inputDim);
    // any densities will do: they decide who does what, not what is done
    const densities = sparse ? Array.from({ length: blocks }, (_, i) => 0.1 + (i % 3) / 4) : undefined;
    for (let rank = 0; rank < workers; rank++) {
      const shares = this.network.shares(rank, workers, densities);
      this.network.update(shares, rows, { gradient: room.at, adam: adam.at });
    }
    return losses;
  }
}
