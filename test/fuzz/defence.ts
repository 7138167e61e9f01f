/** What must hold of every reader of files, whatever it is fed, and how much of that is tried. */
import fc from "fast-check";
import { expect } from "vitest";
import { printable, printableJson } from "../../src/codecs/quote.ts";
import type { DataError, ElbowError, FormatError } from "../../src/errors.ts";

/** The same cases in every run; a failing one prints itself, shrunk. */
export const RUNS = { numRuns: 10_000, seed: 1312 } as const;

/** Longer messages than this quote more of a file than anybody reads. */
const MOST_MESSAGE = 600;

/** Bytes that a reader may take beside its multiple of the input. */
const SLACK = 64;

const VIEWS = ["Uint8Array", "Uint16Array", "Uint32Array", "Float32Array", "Float64Array"] as const;
const COPIERS = ["slice", "map", "filter"] as const;

/**
 * Bytes of all typed arrays and buffers that are made while `run` runs, views of what was there not counted. Their
 * constructors are replaced for that time, so it must not be called twice at once.
 */
export async function bytesMade(run: () => unknown): Promise<number> {
  let made = 0;
  const undo: (() => void)[] = [];
  const replace = (owner: object, key: string, value: unknown): void => {
    const before = Reflect.get(owner, key);
    undo.push(() => Reflect.set(owner, key, before));
    Reflect.set(owner, key, value);
  };
  const counted = <T extends object>(original: T): T =>
    new Proxy(original, {
      construct(target, args, newTarget) {
        const result = Reflect.construct(target as never, args, newTarget) as { readonly byteLength: number };
        if (!(args[0] instanceof ArrayBuffer || args[0] instanceof SharedArrayBuffer))
          made += result.byteLength;
        return result;
      },
    });
  const prototype = Object.getPrototypeOf(Uint8Array.prototype) as object;
  for (const name of COPIERS) {
    const original = Reflect.get(prototype, name) as (...args: unknown[]) => { readonly byteLength: number };
    replace(prototype, name, function (this: object, ...args: unknown[]) {
      const result = original.apply(this, args);
      made += result.byteLength;
      return result;
    });
  }
  for (const name of VIEWS) replace(globalThis, name, counted(globalThis[name]));
  replace(globalThis, "ArrayBuffer", counted(ArrayBuffer));
  try {
    await run();
  } finally {
    for (const restore of undo.toReversed()) restore();
  }
  return made;
}

export interface Reader<T> {
  readonly input: fc.Arbitrary<T>;
  readonly read: (input: T) => unknown;
  /** The one kind of error that it may throw. */
  readonly error: typeof FormatError | typeof DataError;
  readonly sizeOf: (input: T) => number;
  /** How many times its input's size a reader may take in typed arrays. */
  readonly multiple: number;
}

/**
 * Feeds a reader: it reads or throws its error, on one line that steers no terminal, and takes no more memory than a
 * multiple of what it was given. Ends by looking at the cases themselves: some must have been read, some refused.
 */
export async function expectDefended<T>({ input, read, error, sizeOf, multiple }: Reader<T>): Promise<void> {
  let accepted = 0;
  let refused = 0;
  const property = fc.asyncProperty(input, async (given) => {
    const made = await bytesMade(async () => {
      try {
        await read(given);
        accepted++;
      } catch (thrown) {
        if (!(thrown instanceof error)) throw thrown;
        refused++;
        expectPlain(thrown);
      }
    });
    const most = multiple * sizeOf(given) + SLACK;
    if (made > most) throw new Error(`took ${made} bytes, more than ${most}`);
  });
  await fc.assert(property, RUNS);
  expect(accepted).toBeGreaterThan(RUNS.numRuns / 100);
  expect(refused).toBeGreaterThan(RUNS.numRuns / 100);
}

/** What cannot stand in a line of text without harm. */
const HARMFUL = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

/** What was read is shown to people as `printable` makes it, so no text in it steers a terminal. */
export function expectPrintable(read: unknown): void {
  JSON.stringify(read, (key, value: unknown) => {
    for (const text of [key, value]) {
      if (typeof text !== "string") continue;
      if (HARMFUL.test(printable(text))) throw new Error(`shown as ${JSON.stringify(printable(text))}`);
      if (JSON.parse(printableJson(JSON.stringify(text))) !== text) throw new Error("other JSON");
      if (HARMFUL.test(printableJson(JSON.stringify(text)))) throw new Error("JSON that steers a terminal");
    }
    return value;
  });
}

function expectPlain({ message }: ElbowError): void {
  if (message.length > MOST_MESSAGE) throw new Error(`a message of ${message.length} characters`);
  if (HARMFUL.test(message)) throw new Error(`no plain line: ${JSON.stringify(message)}`);
}
