import { MemoryLimitError } from "../errors.ts";
import { LANES, ROW_BYTES, STATIC_BYTES } from "./layout.ts";
import { listBytes, listEndBytes, type Matrix, type Nonzeros, roundUp } from "./matrix.ts";

/** Every region starts on a pair of cache lines of its own, because processors fetch lines in pairs. */
const ALIGNMENT = 128;
const PAGE = 65536;
/** A 32-bit memory has 65 536 pages. The last one is left out so that no end address overflows. */
const MOST_BYTES = 65535 * PAGE;
/** What needs less memory. */
const SMALLER = "use fewer or smaller layers, a smaller batch or fewer rows";
/** Rows between the end of a panel and the next one, so that panels do not all fall into the same cache sets. */
const STAGGER = 4;

/** A part of memory. */
export interface Region {
  /** What it is for, in words for people. */
  readonly name: string;
  /** Byte offset. */
  readonly at: number;
  /** Its length. */
  readonly bytes: number;
}

/** A layout of memory, as it can be printed. */
export interface Plan {
  /** One after another. */
  readonly regions: readonly Region[];
  /** Where the last one ends, in bytes. */
  readonly end: number;
}

/**
 * Plans a memory: gives out regions one after another above the kernels' static data. Nothing is allocated until the plan
 * is whole.
 *
 * @internal
 */
export class Arena implements Plan {
  readonly regions: Region[] = [];
  #end = roundUp(STATIC_BYTES, ALIGNMENT);

  get end(): number {
    return this.#end;
  }

  region(name: string, bytes: number): Region {
    const region = { name, at: this.#end, bytes };
    this.#end = roundUp(this.#end + bytes, ALIGNMENT);
    this.regions.push(region);
    return region;
  }

  /** A matrix of activations: panels of `rows` rows, in whole blocks of 16. */
  matrix(name: string, rows: number, panels: number): Matrix {
    const stride = (roundUp(rows, LANES) + STAGGER) * ROW_BYTES;
    return { at: this.region(name, panels * stride).at, stride, panels };
  }

  /** Room for the nonzeros of `lists` lists of `length` places each. */
  nonzeros(name: string, lists: number, length: number): Nonzeros {
    const [stride, endStride] = [listBytes(length), listEndBytes(length)];
    const { at } = this.region(`${name}, nonzeros`, lists * stride);
    const ends = this.region(`${name}, ends`, lists * endStride).at;
    return { at, stride, ends, endStride, length };
  }
}

/**
 * Pages of 64 KiB that hold a plan.
 *
 * @throws {MemoryLimitError} when that is more than a WebAssembly memory can have
 *
 * @internal
 */
export function pagesOf({ end, regions }: Plan): number {
  if (end <= MOST_BYTES) return Math.ceil(end / PAGE);
  const { name, bytes } = regions.reduce((most, next) => (next.bytes > most.bytes ? next : most));
  throw new MemoryLimitError({
    setting: "memory",
    expected: `at most ${mebibytes(MOST_BYTES)} (the limit of WebAssembly)`,
    found: `a need of ${mebibytes(end)} (${mebibytes(bytes)} of it for ${name})`,
    remedy: SMALLER,
  });
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20).toLocaleString("en-US")} MiB`;
}

/**
 * A zeroed memory for a plan that workers can share.
 *
 * @throws {MemoryLimitError} when the plan is too large, or the machine refuses
 *
 * @internal
 */
export function allocateShared(plan: Plan): WebAssembly.Memory {
  const pages = pagesOf(plan);
  return expectGranted(plan, () => new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }));
}

/**
 * Grows a module's own memory until it holds the plan.
 *
 * @throws {MemoryLimitError} when the plan is too large, or the machine refuses
 *
 * @internal
 */
export function growTo(memory: WebAssembly.Memory, plan: Plan): void {
  const missing = pagesOf(plan) - memory.buffer.byteLength / PAGE;
  if (missing > 0) expectGranted(plan, () => memory.grow(missing));
}

function expectGranted<T>(plan: Plan, allocate: () => T): T {
  try {
    return allocate();
  } catch (cause) {
    const found = `a need of ${mebibytes(plan.end)}`;
    const remedy = SMALLER;
    throw new MemoryLimitError(
      { setting: "memory", expected: "no more than the machine has free", found, remedy },
      { cause },
    );
  }
}
