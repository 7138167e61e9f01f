/**
 * Safetensors, the file format of weights (https://github.com/huggingface/safetensors#format):
 *
 *     8 bytes   N, the header's length, an unsigned little-endian integer
 *     N bytes   the header: UTF-8 JSON that starts with "{" and may be padded with spaces,
 *               {"__metadata__": {text: text}, NAME: {"dtype", "shape", "data_offsets": [begin, end]}, …}
 *     the rest  the tensors' elements, row-major and little-endian; the offsets count from here, and together they
 *               cover every byte exactly once
 *
 * A file comes from anywhere, so nothing in it is believed before it is checked, and nothing is allocated by its word:
 * the tensors that the reader returns take at most twice the bytes that are really there.
 */
import { ConfigError, FormatError } from "../errors.ts";
import {
  DTYPE_BYTES,
  type Dtype,
  decodeFloats,
  dtypeOf,
  type Elements,
  elementBytes,
  isDtype,
} from "./dtypes.ts";
import { duplicateKey } from "./duplicate-key.ts";
import { describe, quote } from "./quote.ts";

/** What the reference implementation allows, too: JSON beyond it is an attack on the parser. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA_KEY = "__metadata__";

export interface Tensor {
  readonly name: string;
  /** The element type in the file; `data` is float32 whatever it was. */
  readonly dtype: Dtype;
  /** Row-major; `[]` is a scalar. */
  readonly shape: readonly number[];
  /** The elements, in memory of their own. */
  readonly data: Float32Array;
}

export interface SafetensorsFile {
  /** Free text. Has no prototype: ask with `Object.hasOwn`. */
  readonly metadata: Record<string, string>;
  /** In the order of their data. */
  readonly tensors: Map<string, Tensor>;
}

/** A tensor as it is handed over for writing: `data` holds exactly the elements of `shape`, row-major. */
export interface TensorToWrite {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Elements;
}

/** One tensor's line of the header, checked against the file. */
interface Entry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads a safetensors file of floats.
 *
 * @param bytes the whole file; not kept and not aliased by the result.
 * @param name what to call the file in errors: its path.
 * @throws FormatError, one line, when anything about the file is not as the format says.
 */
export function parseSafetensors(bytes: Uint8Array, name: string): SafetensorsFile {
  const headerBytes = headerLength(bytes, name);
  const header = parseHeader(bytes.subarray(8, 8 + headerBytes), name);
  const data = bytes.subarray(8 + headerBytes);

  const metadata = parseMetadata(header, name);
  const entries = Object.entries(header)
    .filter(([key]) => key !== METADATA_KEY)
    .map(([key, value]) => parseEntry(key, value, data.length, name))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(entries, data.length, name);

  const tensors = new Map<string, Tensor>();
  for (const { name: key, dtype, shape, begin, end } of entries) {
    tensors.set(key, { name: key, dtype, shape, data: decodeFloats(data.subarray(begin, end), dtype) });
  }
  return { metadata, tensors };
}

/**
 * What a safetensors file says about itself, whatever its tensors are.
 *
 * @throws FormatError, one line, when the header is not as the format says.
 */
export function readMetadata(bytes: Uint8Array, name: string): Record<string, string> {
  return parseMetadata(parseHeader(bytes.subarray(8, 8 + headerLength(bytes, name)), name), name);
}

/**
 * Writes tensors, each with its array's element type. The same input gives the same bytes: tensors and metadata keep their order, `__metadata__`
 * comes first, and spaces pad the header so that the data starts at a multiple of 8.
 *
 * @param metadata written only if it has a key. PyTorch's tools like to see `{ format: "pt" }`.
 * @throws ConfigError if a name comes twice or is `__metadata__`, or if a shape and its data do not fit.
 */
export function serializeSafetensors(
  tensors: Iterable<TensorToWrite>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const list = [...tensors];
  const names = new Set<string>([METADATA_KEY]);
  // Built by hand and not as an object: an object would put keys like "0" first.
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) fields.push(`"${METADATA_KEY}":${JSON.stringify(metadata)}`);
  let end = 0;
  for (const { name, shape, data } of list) {
    if (names.has(name)) throw new ConfigError(`No two tensors can be named ${quote(name)}.`);
    names.add(name);
    if (!isSizes(shape) || elementCount(shape) !== data.length) {
      throw new ConfigError(
        `Tensor ${quote(name)} has shape ${describe(shape)} but ${data.length} elements; they must fit.`,
      );
    }
    const begin = end;
    end += data.byteLength;
    const info = { dtype: dtypeOf(data), shape, data_offsets: [begin, end] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`);
  }

  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(json, 8);
  file.fill(0x20, 8 + json.length, 8 + headerBytes);
  let offset = 8 + headerBytes;
  for (const { data } of list) {
    file.set(elementBytes(data), offset);
    offset += data.byteLength;
  }
  return file;
}

/**
 * Checks that a file holds exactly the tensors of a table.
 *
 * @returns the elements of each tensor, in the table's order.
 * @throws FormatError that names the first tensor that is missing, has another shape, or should not be there.
 */
export function expectTensors(
  file: SafetensorsFile,
  table: ReadonlyArray<readonly [name: string, shape: readonly number[]]>,
  fileName: string,
): Float32Array[] {
  const found = table.map(([name, shape]) => {
    const tensor = file.tensors.get(name);
    if (tensor === undefined) {
      throw new FormatError(
        `${fileName}: tensor ${quote(name)} of shape ${describe(shape)} is missing; ` +
          `the file has ${listNames(file)}.`,
      );
    }
    if (tensor.shape.length !== shape.length || tensor.shape.some((size, i) => size !== shape[i])) {
      throw new FormatError(
        `${fileName}: tensor ${quote(name)} should have shape ${describe(shape)} but has ${describe(tensor.shape)}.`,
      );
    }
    return tensor.data;
  });
  const known = new Set(table.map(([name]) => name));
  for (const [name, { shape }] of file.tensors) {
    if (!known.has(name)) {
      throw new FormatError(
        `${fileName}: tensor ${quote(name)} of shape ${describe(shape)} does not belong to this model; ` +
          `${table.length} tensors were expected, the file has ${file.tensors.size}.`,
      );
    }
  }
  return found;
}

/** The first few names of a file, fit for one line of an error message. */
export function listNames({ tensors }: SafetensorsFile): string {
  const names = [...tensors.keys()];
  if (names.length === 0) return "no tensors";
  const rest = names.length > 6 ? ` and ${names.length - 6} more` : "";
  return names.slice(0, 6).map(quote).join(", ") + rest;
}

/** The header's length in bytes, known to lie within the file. */
function headerLength(bytes: Uint8Array, file: string): number {
  if (bytes.length < 8) {
    throw new FormatError(
      `${file}: a safetensors file starts with 8 bytes that give its header's length; this file has ${bytes.length} bytes.`,
    );
  }
  const claimed = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (claimed > MAX_HEADER_BYTES) {
    throw new FormatError(
      `${file}: the header's length should be at most ${MAX_HEADER_BYTES} bytes but the file says ${claimed}; ` +
        "it is probably not a safetensors file.",
    );
  }
  if (claimed > bytes.length - 8) {
    throw new FormatError(
      `${file}: the header should be ${claimed} bytes long but only ${bytes.length - 8} follow; the file is truncated.`,
    );
  }
  return Number(claimed);
}

function parseHeader(bytes: Uint8Array, file: string): Record<string, unknown> {
  if (bytes[0] !== 0x7b) {
    const found =
      bytes.length === 0 ? "it is empty" : `its first byte is 0x${bytes[0]!.toString(16).padStart(2, "0")}`;
    throw new FormatError(
      `${file}: the header should be a JSON object and start with "{", but ${found}; it is probably not a safetensors file.`,
    );
  }
  let text: string;
  let header: unknown;
  try {
    // Decoders refuse shared memory, so they get a copy.
    text = new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes));
    header = JSON.parse(text);
  } catch (cause) {
    // The engine's own words are left to `cause`: they quote the file, line breaks and all.
    const what = `the header's ${bytes.length} bytes should be JSON in UTF-8 but are not; the file is damaged`;
    throw new FormatError(`${file}: ${what}.`, { cause });
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) {
    throw new FormatError(`${file}: the header has the key ${quote(twice)} twice; each may come once.`);
  }
  return header as Record<string, unknown>; // Valid JSON that starts with "{" is an object.
}

function parseMetadata(header: Record<string, unknown>, file: string): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null);
  if (!Object.hasOwn(header, METADATA_KEY)) return metadata;
  const given = header[METADATA_KEY];
  if (!isObject(given)) {
    throw new FormatError(`${file}: ${METADATA_KEY} should be an object of texts but is ${describe(given)}.`);
  }
  for (const [key, value] of Object.entries(given)) {
    if (typeof value !== "string") {
      throw new FormatError(
        `${file}: ${METADATA_KEY}.${quote(key)} should be a text but is ${describe(value)}.`,
      );
    }
    metadata[key] = value;
  }
  return metadata;
}

function parseEntry(name: string, value: unknown, dataBytes: number, file: string): Entry {
  const fail = (what: string, expected: string, found: unknown): never => {
    throw new FormatError(
      `${file}: tensor ${quote(name)}: ${what} should be ${expected} but is ${describe(found)}.`,
    );
  };
  if (!isObject(value)) return fail("its entry", "an object with dtype, shape and data_offsets", value);
  const dtype = own(value, "dtype");
  if (typeof dtype !== "string" || !isDtype(dtype)) {
    return fail("dtype", `one of ${[...DTYPE_BYTES.keys()].join(", ")}`, dtype);
  }
  const shape = own(value, "shape");
  if (!isSizes(shape)) return fail("shape", "a list of whole numbers, 0 or more", shape);
  const bytes = elementCount(shape) * DTYPE_BYTES.get(dtype)!;
  if (!Number.isSafeInteger(bytes)) return fail("shape", "a size that a file can have", shape);
  const offsets = own(value, "data_offsets");
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    return fail("data_offsets", "[begin, end], whole numbers with begin ≤ end", offsets);
  }
  const [begin, end] = offsets as [number, number];
  if (end - begin !== bytes) {
    return fail("data_offsets", `${bytes} bytes apart (${dtype} ${describe(shape)})`, offsets);
  }
  if (end > dataBytes) {
    throw new FormatError(
      `${file}: tensor ${quote(name)} should end at byte ${end} of the data but the file holds only ${dataBytes}; it is truncated.`,
    );
  }
  return { name, dtype, shape, begin, end };
}

/** Every byte of the data belongs to one tensor. `entries` are sorted by where they begin. */
function checkCoverage(entries: readonly Entry[], dataBytes: number, file: string): void {
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) {
      const how = begin < covered ? "overlaps another" : "leaves a hole before it";
      throw new FormatError(
        `${file}: tensor ${quote(name)} should begin at byte ${covered} of the data but begins at ${begin}: it ${how}.`,
      );
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    throw new FormatError(
      `${file}: the tensors take ${covered} bytes of data but the file holds ${dataBytes}.`,
    );
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function own(object: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** The product of the sizes; NaN once it is beyond what a number holds exactly, even if a later size is 0. */
function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => {
    const next = product * size;
    return Number.isSafeInteger(next) ? next : Number.NaN;
  }, 1);
}
