import type { Arena, Region } from "../wasm/arena.ts";
import type { Kernels, Latent } from "../wasm/kernels.ts";
import { ROW_BYTES } from "../wasm/layout.ts";
import type { Matrix, Range } from "../wasm/matrix.ts";
import type { VaeConfig } from "./config.ts";
import { LIKELIHOODS } from "./likelihoods.ts";

/** Something for each term of the negative ELBO (Kingma & Welling 2013, equation 3); the terms themselves are in nats. */
export interface Terms<T = number> {
  /** −E[log p(x|z)] */
  readonly reconstruction: T;
  /** KL(q(z|x) ‖ p(z)) */
  readonly kl: T;
}

/** @internal */
export const TERMS = ["reconstruction", "kl"] as const satisfies (keyof Terms)[];

/**
 * One of something for each term.
 *
 * @internal
 */
export function eachTerm<T>(make: (term: keyof Terms) => T): Terms<T> {
  return Object.fromEntries(TERMS.map((term) => [term, make(term)])) as Record<keyof Terms, T>;
}

/**
 * The loss: the one place where its terms are added up.
 *
 * @internal
 */
export function lossOf({ reconstruction, kl }: Terms): number {
  return reconstruction + kl;
}

/** What multiplies each term's gradient. */
const WEIGHTS: Terms = { reconstruction: 1, kl: 1 };

/**
 * Where the objective keeps what it computes.
 *
 * @internal
 */
export interface ObjectiveMemory {
  /** One float64 for each row, in nats. */
  readonly losses: Terms<Region>;
  /** One float32 for each row, which multiplies the term's gradient. */
  readonly weights: Terms<Region>;
  readonly scratch: Region;
}

/** @internal */
export function planObjective(arena: Arena, rows: number): ObjectiveMemory {
  return {
    losses: eachTerm((term) => arena.region(term, rows * 8)),
    scratch: arena.region("scratch", rows * 2 * ROW_BYTES),
    weights: eachTerm((term) => arena.region(`weights of ${term}`, rows * 4)),
  };
}

/**
 * The negative ELBO of rows, term by term, and its gradient by the decoder's output and by μ and log σ².
 *
 * @internal
 */
export class Objective {
  readonly #kernels: Kernels;
  readonly #config: VaeConfig;
  readonly #memory: ObjectiveMemory;
  readonly #weights: Terms<Float32Array>;

  constructor(kernels: Kernels, config: VaeConfig, memory: ObjectiveMemory, buffer: ArrayBufferLike) {
    const { weights } = memory;
    this.#kernels = kernels;
    this.#config = config;
    this.#memory = memory;
    this.#weights = eachTerm((term) => new Float32Array(buffer, weights[term].at, weights[term].bytes / 4));
  }

  /** Both terms of some rows. With weights, out becomes the gradient of the first, each row times its weight. */
  evaluate(out: Matrix, x: Matrix, latent: Latent, rows: Range, weights?: number): void {
    const { likelihood, inputDim } = this.#config;
    const { losses, scratch } = this.#memory;
    const room = {
      loss: losses.reconstruction.at,
      scratch: scratch.at,
      weights,
    };
    this.#kernels.loss(LIKELIHOODS[likelihood].kernel, out, x, inputDim, rows, room);
    this.#kernels.kl(losses.kl.at, latent, rows);
  }

  /** Both terms of some rows, and out becomes the gradient of the loss with respect to it. */
  differentiate(out: Matrix, x: Matrix, latent: Latent, rows: Range): void {
    for (const term of TERMS) this.#weights[term].fill(WEIGHTS[term], ...rows);
    this.evaluate(out, x, latent, rows, this.#memory.weights.reconstruction.at);
  }

  /** From dz to dμ and dlogvar: through the reparameterisation, plus the gradient of the KL term. */
  latentBackward(d: Pick<Latent, "z" | "mu" | "logvar">, latent: Latent, rows: Range): void {
    this.#kernels.latentBackward(d, latent, rows, this.#memory.weights.kl.at);
  }
}
