import { MemoryLimitError } from "../errors.ts";
import { STATIC_BYTES } from "./kernels.ts";

/** Every region starts on a cache line of its own. */
const ALIGNMENT = 64;
const PAGE = 65536;
/** A 32-bit memory has 65 536 pages. The last one is left out so that no end address overflows. */
const MOST_BYTES = 65535 * PAGE;

/**
 * The next multiple of `to`.
 *
 * @internal
 */
export function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

/** A layout of memory: regions one after another, in the order of the table they were planned from. */
export interface Plan<Name extends string> {
  /** Byte offset of each region. */
  readonly at: Readonly<Record<Name, number>>;
  /** Size of each region in bytes, as asked for. */
  readonly sizes: Readonly<Record<Name, number>>;
  /** Where the last one ends. */
  readonly end: number;
  /** Pages of 64 KiB that hold it all. */
  readonly pages: number;
}

/**
 * Lays regions out above the kernels' static data.
 *
 * @throws {MemoryLimitError} when they need more than a WebAssembly memory can have; nothing has been allocated then
 *
 * @internal
 */
export function planMemory<Name extends string>(sizes: Readonly<Record<Name, number>>): Plan<Name> {
  const at: Partial<Record<Name, number>> = {};
  let end = roundUp(STATIC_BYTES, ALIGNMENT);
  for (const [name, bytes] of Object.entries(sizes) as [Name, number][]) {
    at[name] = end;
    end = roundUp(end + bytes, ALIGNMENT);
  }
  if (!(end <= MOST_BYTES)) throw tooMuch(end, sizes);
  return { at: at as Record<Name, number>, sizes, end, pages: Math.ceil(end / PAGE) };
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20).toLocaleString("en-US")} MiB`;
}

function tooMuch(needed: number, sizes: Readonly<Record<string, number>>): MemoryLimitError {
  const [name, bytes] = Object.entries(sizes).reduce((most, next) => (next[1] > most[1] ? next : most));
  return new MemoryLimitError(
    `this needs ${mebibytes(needed)} of memory (${mebibytes(bytes)} of it for ${name}), but WebAssembly can have ` +
      `${mebibytes(MOST_BYTES)}; use fewer or smaller layers, a smaller batch or fewer rows`,
  );
}

/**
 * A memory for the plan, zeroed.
 *
 * @throws {MemoryLimitError} when the machine does not give it
 *
 * @internal
 */
export function allocateShared(plan: Plan<string>): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: plan.pages, maximum: plan.pages, shared: true });
  } catch {
    throw refused(plan);
  }
}

/**
 * Grows a module's own memory until it holds the plan.
 *
 * @internal
 */
export function growTo(memory: WebAssembly.Memory, plan: Plan<string>): void {
  const missing = plan.pages - memory.buffer.byteLength / PAGE;
  try {
    if (missing > 0) memory.grow(missing);
  } catch {
    throw refused(plan);
  }
}

function refused(plan: Plan<string>): MemoryLimitError {
  return new MemoryLimitError(`this needs ${mebibytes(plan.end)} of memory, which the machine did not give`);
}
