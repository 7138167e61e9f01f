/** Element types of tensors that can be read. All are little-endian in the file. */
export type Dtype = "F64" | "F32" | "F16" | "BF16";

/** Bytes per element. A Map, because the key comes from a file and `toString` must not be a type. */
export const DTYPE_BYTES: ReadonlyMap<string, number> = new Map<Dtype, number>([
  ["F64", 8],
  ["F32", 4],
  ["F16", 2],
  ["BF16", 2],
]);

export function isDtype(text: string): text is Dtype {
  return DTYPE_BYTES.has(text);
}

/**
 * Converts elements to float32, in a buffer of their own. F16 and BF16 convert exactly; F64 rounds to nearest, and
 * numbers beyond float32's range become infinite, as in PyTorch's `Tensor.float()`.
 *
 * @param bytes a whole number of elements; any alignment, shared memory or not
 */
export function decodeFloats(bytes: Uint8Array, dtype: Dtype): Float32Array {
  const width = DTYPE_BYTES.get(dtype)!;
  const aligned = bytes.byteOffset % width === 0 && dtype !== "F32";
  // A copy starts at offset 0 of its own buffer, so it is aligned. (Not `slice`: for Node's Buffer that is a view.)
  const { buffer, byteOffset } = aligned ? bytes : new Uint8Array(bytes);
  const count = bytes.length / width;
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer, byteOffset, count);
    case "F64":
      return new Float32Array(new Float64Array(buffer, byteOffset, count));
    case "F16":
      return halvesToFloats(new Uint16Array(buffer, byteOffset, count));
    case "BF16":
      return bfloatsToFloats(new Uint16Array(buffer, byteOffset, count));
  }
}

/** Arrays that can be written, each with its own element type. */
export type Elements = Float64Array | Float32Array | Int32Array | Uint8Array;

/** The safetensors name of an array's element type. */
export function dtypeOf(values: Elements): "F64" | "F32" | "I32" | "U8" {
  if (values instanceof Float64Array) return "F64";
  if (values instanceof Float32Array) return "F32";
  return values instanceof Int32Array ? "I32" : "U8";
}

/**
 * The bytes of the elements, so that even the bits of a NaN survive. Elbow's arrays are WebAssembly's, which is
 * little-endian as the files are.
 */
export function elementBytes(values: Elements): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Without `Float32Array.from`, which makes a list of all numbers first. */
function halvesToFloats(halves: Uint16Array): Float32Array {
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) floats[i] = halfToNumber(halves[i]!);
  return floats;
}

/** bfloat16 is the upper half of a float32. */
function bfloatsToFloats(halves: Uint16Array): Float32Array {
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
  return new Float32Array(words.buffer);
}
