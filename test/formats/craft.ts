/** Makes safetensors files by hand, right or wrong, without the writer that is under test. */

export interface CraftedEntry {
  dtype?: unknown;
  shape?: unknown;
  data_offsets?: unknown;
}

/** A file of `header` (JSON text, or an object to make it of) and `data`, with a length that may lie. */
export function craft(
  header: string | Record<string, unknown>,
  data: ArrayLike<number> = [],
  claimedLength?: bigint,
): Uint8Array<ArrayBuffer> {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const json = new TextEncoder().encode(text);
  const file = new Uint8Array(8 + json.length + data.length);
  new DataView(file.buffer).setBigUint64(0, claimedLength ?? BigInt(json.length), true);
  file.set(json, 8);
  file.set(Array.from(data), 8 + json.length);
  return file;
}

/** The bytes of a typed array. */
export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Numbers in [0, 2³²) that are the same in every run (Numerical Recipes' linear congruential generator). */
export function lcg(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
}
