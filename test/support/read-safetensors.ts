/** Reads safetensors files as their format is described, without the reader or the writer that are under test. */

const ARRAYS = { F64: Float64Array, F32: Float32Array, I32: Int32Array, U8: Uint8Array };

export interface ReadTensor {
  readonly dtype: keyof typeof ARRAYS;
  readonly shape: readonly number[];
  readonly data: Float64Array | Float32Array | Int32Array | Uint8Array;
}

export interface ReadFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, ReadTensor>;
}

interface Entry extends Pick<ReadTensor, "dtype" | "shape"> {
  readonly data_offsets: readonly [number, number];
}

/** The data are views: where a tensor is not aligned to its elements, this throws. */
export function readSafetensors(file: Uint8Array): ReadFile {
  const bytes = Uint8Array.from(file);
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start))) as Record<string, unknown>;
  const { __metadata__: metadata, ...entries } = header;
  const tensors = Object.entries(entries as Record<string, Entry>).map(
    ([name, { dtype, shape, data_offsets }]) => {
      const [begin, end] = data_offsets;
      const length = shape.reduce((product, size) => product * size, 1);
      const data = new ARRAYS[dtype](bytes.buffer, start + begin, length);
      if (data.byteLength !== end - begin) throw new Error(`${name} has ${end - begin} bytes`);
      return [name, { dtype, shape, data }] as const;
    },
  );
  return { metadata: metadata as Record<string, string>, tensors: new Map(tensors) };
}
