import type { VaeConfig } from "../../src/model/config.ts";
import { Network } from "../../src/model/network.ts";
import { packTensors, parameterTable, unpackTensors } from "../../src/model/parameters.ts";
import { matrixAt, networkRegions } from "../../src/model/regions.ts";
import { share } from "../../src/model/share.ts";
import { allocateShared, growTo, planMemory } from "../../src/wasm/arena.ts";
import type { KernelBuild } from "../../src/wasm/builds.ts";
import { GRADIENT_BYTES, instantiate, LANES, ROW_BYTES } from "../../src/wasm/kernels.ts";
import type { TileName } from "../../src/wasm/tiles.ts";
import { ADAM_DEFAULTS, type AdamSettings } from "../reference/adam.ts";
import type { Numbers } from "../reference/matmul.ts";
import { adamCoefficients } from "./adam.ts";

export interface NetworkMemoryOptions {
  readonly capacity: number;
  readonly sparse?: boolean;
  readonly tile?: TileName;
  /** The work is shared out as among so many workers, one after another. */
  readonly workers?: number;
}

export interface Losses {
  readonly reconstruction: Float64Array;
  readonly kl: Float64Array;
}

const REGIONS = ["parameters", "m", "v", "gradients"] as const;
type Region = (typeof REGIONS)[number];

/** A network over a memory of its own, with noise that a test brings along: the two phases of a step, by hand. */
export class NetworkMemory {
  readonly network: Network;
  readonly #config: VaeConfig;
  readonly #options: Required<NetworkMemoryOptions>;
  readonly #table: ReturnType<typeof parameterTable>;
  readonly #plan: ReturnType<typeof planMemory>;
  readonly #instance: ReturnType<typeof instantiate>;
  #steps = 0;

  constructor(
    config: VaeConfig,
    { module, shared }: Pick<KernelBuild, "shared"> & { readonly module: WebAssembly.Module },
    { capacity, sparse = false, tile = "4x8", workers = 1 }: NetworkMemoryOptions,
  ) {
    const use = { capacity, training: true, sparse, listHidden: sparse, tile };
    const table = parameterTable(config);
    const sizes: Record<string, number> = {
      ...Object.fromEntries(REGIONS.map((region) => [region, table.bytes])),
      ...networkRegions(config, use),
      room: GRADIENT_BYTES,
      adam: ROW_BYTES,
      data: capacity * config.inputDim * 4,
      order: capacity * 4,
    };
    this.#plan = planMemory(sizes);
    this.#instance = instantiate(module, shared ? allocateShared(this.#plan) : undefined);
    if (!shared) growTo(this.#instance.memory, this.#plan);
    this.#config = config;
    this.#options = { capacity, sparse, tile, workers };
    this.#table = table;
    const { kernels } = this.#instance;
    this.network = new Network(kernels, config, table, this.#plan, use);
    const order = new Uint32Array(this.#instance.memory.buffer, this.#plan.at.order, capacity);
    for (let i = 0; i < capacity; i++) order[i] = i;
    this.#floats("weights", this.#plan.sizes.weights / 4).fill(1);
  }

  #floats(region: string, count: number): Float32Array {
    return new Float32Array(this.#instance.memory.buffer, this.#plan.at[region], count);
  }

  #buffer(region: Region): Float32Array {
    return this.#floats(region, this.#table.bytes / 4);
  }

  setParameters(tensors: ReadonlyMap<string, Float32Array>): void {
    const named = new Map([...tensors].map(([name, data]) => [name, { data }]));
    packTensors(this.#table, named, this.#buffer("parameters"));
  }

  /** Copies of tensors by name. */
  tensors(region: Region): Map<string, Float32Array> {
    const tensors = unpackTensors(this.#table, this.#buffer(region));
    return new Map(tensors.map(({ name, data }) => [name, data]));
  }

  /** A region whole, what pads the panels included. */
  raw(region: Region): Float32Array {
    return this.#buffer(region).slice();
  }

  /** x is [rows, inputDim], eps is [rows, latentDim]; forward, losses and the gradients of all outputs. */
  rowsPhase(x: Numbers, eps: Numbers, rows: number): Losses {
    this.#floats("data", rows * this.#config.inputDim).set(Array.from(x));
    const { network } = this;
    const { workers } = this.#options;
    for (let rank = 0; rank < workers; rank++) {
      const [firstBlock, lastBlock] = share(Math.ceil(rows / LANES), rank, workers);
      const first = firstBlock * LANES;
      const count = Math.min(rows, lastBlock * LANES) - first;
      if (count <= 0) continue;
      network.gather(first, count, this.#plan.at.data, this.#plan.at.order + first * 4, false);
      network.encode(first, count);
      this.#sample(first, count, eps);
      network.decode(first, count);
      network.losses(first, count);
      network.backward(first, count);
    }
    const losses = (at: number) => new Float64Array(this.#instance.memory.buffer, at, rows).slice();
    return { reconstruction: losses(network.reconstruction), kl: losses(network.kl) };
  }

  /** What Network.sample does, with the given noise in place of its own. */
  #sample(first: number, count: number, eps: Numbers): void {
    const { latentDim } = this.#config;
    const { mu, logvar, z } = this.network;
    const noise = matrixAt(this.#plan, "eps", this.#options.capacity);
    const floats = this.#floats("eps", this.#plan.sizes.eps / 4);
    for (let r = first; r < first + count; r++) {
      for (let c = 0; c < latentDim; c++) {
        const place = (Math.floor(c / LANES) * noise.stride) / 4 + r * LANES + (c % LANES);
        floats[place] = eps[r * latentDim + c];
      }
    }
    const offset = first * ROW_BYTES;
    const [to, mean, spread, from] = [z, mu, logvar, noise].map(({ at }) => at + offset);
    this.#instance.kernels.reparameterize(to, mean, spread, from, z.stride, count, z.panels);
  }

  /** The gradient of the batch that rowsPhase has seen. */
  gradients(rows: number): Map<string, Float32Array> {
    this.network.gradient(this.#plan.at.gradients, rows);
    return this.tensors("gradients");
  }

  /** One step of training. */
  step(x: Numbers, eps: Numbers, rows: number, settings: AdamSettings = ADAM_DEFAULTS): Losses {
    const losses = this.rowsPhase(x, eps, rows);
    this.#steps += 1;
    this.#floats("adam", 6).set(adamCoefficients(this.#steps, settings));
    const { workers, sparse } = this.#options;
    // any densities will do: they decide who does what, not what is done
    const densities = sparse ? Array.from(this.#columnBlocks(), (i) => 0.1 + (i % 3) / 4) : undefined;
    for (let rank = 0; rank < workers; rank++) {
      const shares = this.network.shares(rank, workers, densities);
      this.network.update(shares, rows, this.#plan.at.room, this.#plan.at.adam);
    }
    return losses;
  }

  #columnBlocks(): Iterable<number> {
    return new Array(Math.ceil(this.#config.inputDim / LANES)).keys();
  }
}
