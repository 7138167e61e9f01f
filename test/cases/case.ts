import { ENTRY_BYTES, ROW_BYTES } from "../../src/wasm/layout.ts";
import type { Nonzeros, Range } from "../../src/wasm/matrix.ts";
import type { TileName } from "../../src/wasm/tiles.ts";
import type { Numbers } from "../reference/matmul.ts";
import { type Closeness, type Worst, whyNotClose, worstOf } from "../support/closeness.ts";
import type { Grid, KernelMemory } from "../support/kernel-memory.ts";

/** A kernel at one size. */
export interface Case {
  /** Its name in assembly/. */
  readonly kernel: string;
  /** Its sizes, and what else tells it apart from other cases of the kernel. */
  readonly what: string;
  /** Multiplications and additions of a product. */
  readonly flops?: number;
  /** Bytes that it has to read and write at least. */
  readonly bytes: number;
  /** Puts the operands into a memory. */
  prepare(memory: KernelMemory, tile: TileName): Job;
}

/** A case in memory, ready to run. */
export interface Job {
  run(): void;
  readonly outputs: readonly Output[];
  /** Byte ranges that are room to work in. */
  readonly scratch?: readonly Range[];
  /** Changes the operands so that the kernel can run again and again in place without drifting off to other numbers. */
  settle?(): void;
}

/** Something that a kernel writes. */
export interface Output {
  readonly name: string;
  /** Where it may write. */
  readonly spans: readonly Range[];
  /** Copies it out of memory. */
  read(): Numbers;
  /** What has to be zero. */
  padding?(): Float32Array;
  /** What its float64 twin says, and how close to it is right. */
  readonly expected: Numbers;
  readonly closeness: Closeness;
}

/** An output that was close enough. */
export interface Result {
  readonly name: string;
  readonly found: Numbers;
  /** The element that is nearest to its bound. */
  worst(): Worst;
}

/**
 * Runs a case once and compares it with its twin.
 *
 * @param closeness in place of the case's own, where operands are not finite: no bound follows from them, and what pads
 *   a row is NaN where the row is
 * @throws where an output is too far off, padding is not zero, or anything else in memory has changed
 */
export function checkCase(
  memory: KernelMemory,
  one: Case,
  tile: TileName = "4x8",
  closeness?: Closeness,
): Result[] {
  memory.reset();
  return checkJob(memory, one, one.prepare(memory, tile), closeness);
}

/** `checkCase` of a case that is in memory. */
export function checkJob(memory: KernelMemory, one: Case, job: Job, closeness?: Closeness): Result[] {
  const { outputs, scratch = [] } = job;
  const complain = (output: string, why: string): never => {
    throw new Error(`${one.kernel}, ${one.what}: ${output}: ${why}`);
  };
  const strays = countStrays(memory, () => job.run(), [...outputs.flatMap(({ spans }) => spans), ...scratch]);
  if (strays > 0) complain("memory of others", `${strays} words have changed`);
  return outputs.map(({ name, expected, ...output }) => {
    const found = output.read();
    const near = { ...output.closeness, ...closeness };
    const why = whyNotClose(found, expected, near);
    if (why !== undefined) complain(name, why);
    if (!closeness && output.padding?.().some((value) => value !== 0)) {
      complain(name, "what pads its panels is not zero");
    }
    return { name, found, worst: () => worstOf(found, expected, near) };
  });
}

/** What a case writes, not compared with anything. */
export function outputsOf(memory: KernelMemory, one: Case, tile: TileName = "4x8"): Numbers[] {
  memory.reset();
  const { run, outputs } = one.prepare(memory, tile);
  run();
  return outputs.map((output) => output.read());
}

/** The bits of all that a case writes. */
export function bitsOfCase(memory: KernelMemory, one: Case, tile: TileName): Uint32Array {
  const outputs = outputsOf(memory, one, tile);
  const all = new Float64Array(outputs.reduce((count, { length }) => count + length, 0));
  let end = 0;
  for (const numbers of outputs) {
    all.set(numbers, end);
    end += numbers.length;
  }
  return new Uint32Array(all.buffer);
}

/** Words of a memory that change outside of some ranges of bytes while something runs. */
function countStrays(memory: KernelMemory, run: () => void, spans: readonly Range[]): number {
  const [, end] = memory.used;
  const words = memory.words(0, (end + ROW_BYTES) / 4);
  const before = words.slice();
  run();
  for (const [from, to] of spans) before.set(words.subarray(from / 4, to / 4), from / 4);
  let strays = 0;
  for (let i = 0; i < words.length; i++) if (words[i] !== before[i]) strays++;
  return strays;
}

/** A matrix as an output. */
export function matrixOutput(
  memory: KernelMemory,
  name: string,
  grid: Grid,
  expected: Numbers,
  closeness: Closeness,
): Output {
  const { at, stride, panels, rows, columns } = grid;
  return {
    name,
    spans: Array.from({ length: panels }, (_, i) => span(at + i * stride, rows * ROW_BYTES)),
    read: () => memory.read(grid),
    padding: () => memory.padding(grid),
    expected,
    closeness: { ...closeness, shape: [rows, columns] },
  };
}

/** One float64 for each row, `first` rows behind byte `at`. */
export function rowsOutput(
  memory: KernelMemory,
  name: string,
  [at, first]: readonly [at: number, first: number],
  expected: Numbers,
  closeness: Closeness,
): Output {
  const from = at + first * 8;
  return {
    name,
    spans: [span(from, expected.length * 8)],
    read: () => memory.doubles(from, expected.length).slice(),
    expected,
    closeness,
  };
}

/** A span of bytes. */
export function span(at: number, bytes: number): Range {
  return [at, at + bytes];
}

/** Numbers that a kernel returns. */
export function returned(name: string, read: () => number, expected: number): Output {
  return { name, spans: [], read: () => [read()], expected: [expected], closeness: { rtol: 0, atol: 0 } };
}

/** A list of nonzeros: where its segments end, in entries, and the entries, [offset, value] each. */
export interface List {
  readonly ends: readonly number[];
  readonly entries: readonly (readonly [offset: number, value: number])[];
}

export function readList(
  memory: KernelMemory,
  { at, stride, ends, endStride }: Nonzeros,
  index: number,
): List {
  const found = Array.from(
    memory.words(ends + index * endStride, endStride / 4),
    (bytes) => bytes / ENTRY_BYTES,
  );
  const count = found.at(-1)!;
  const [offsets, values] = [
    memory.words(at + index * stride, count * 2),
    memory.floats(at + index * stride, count * 2),
  ];
  return {
    ends: found,
    entries: Array.from({ length: count }, (_, i) => [offsets[2 * i], values[2 * i + 1]]),
  };
}

const FLOAT_BYTES = 4;

/** Bytes of so many float32 numbers. */
export function floatBytes(...counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0) * FLOAT_BYTES;
}
