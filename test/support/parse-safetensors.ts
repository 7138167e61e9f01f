import { decodeTensor, parseSafetensorsHeader } from "../../src/codecs/safetensors.ts";

export interface ParsedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** All of a safetensors file, by the reader that the formats use. */
export function parseSafetensors(
  bytes: Uint8Array,
  name: string,
): { readonly metadata: Record<string, string>; readonly tensors: ReadonlyMap<string, ParsedTensor> } {
  const header = parseSafetensorsHeader({ bytes, size: bytes.length }, name);
  const read = [...header.tensors].map(([key, entry]): [string, ParsedTensor] => {
    const { dtype, shape } = entry;
    return [key, { name: key, dtype, shape, data: decodeTensor(bytes, header, entry) }];
  });
  return { metadata: header.metadata, tensors: new Map(read) };
}
