/**
 * Safetensors, the file format of weights (https://github.com/huggingface/safetensors#format):
 *
 *     8 bytes   N, the header's length, an unsigned little-endian integer
 *     N bytes   the header: UTF-8 JSON that starts with "{" and may be padded with spaces,
 *               {"__metadata__": {text: text}, NAME: {"dtype", "shape", "data_offsets": [begin, end]}, …}
 *     the rest  the tensors' elements, row-major and little-endian; the offsets count from here, and together they
 *               cover every byte exactly once
 *
 * A file is untrusted: the reader checks everything before it uses it, and allocates nothing of a size that only the
 * file claims. The tensors that it returns have at most twice the bytes of the file.
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
import type { FileHead } from "./head.ts";
import { describe, quote } from "./quote.ts";

/** Longer JSON is an attack on the parser: an entry has about 100 bytes, and no model has a thousand tensors. */
const MAX_HEADER_BYTES = 2 ** 19 - 8;
/** The first bytes of a file that have its header. */
export const MOST_HEAD_BYTES = 8 + MAX_HEADER_BYTES;
const METADATA_KEY = "__metadata__";

/** A tensor to write: `data` has exactly the elements of `shape`, row-major. */
export interface TensorToWrite {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Elements;
}

/** A tensor's entry of the header, checked against the file's size; its elements are not looked at. */
export interface Entry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Bytes of the data, which starts after the header. */
  readonly begin: number;
  readonly end: number;
}

interface Shaped {
  readonly shape: readonly number[];
}

/** What is known of a file's tensors, or of those that are to become one, by their names. */
export interface TensorsOfFile<E> {
  readonly tensors: ReadonlyMap<string, E>;
}

/** What a file says of itself in its first bytes. */
export interface SafetensorsHeader extends TensorsOfFile<Entry> {
  readonly metadata: Record<string, string>;
  /** Where the data starts in the file. */
  readonly start: number;
  /** Where it ends: the size of the file. */
  readonly end: number;
}

/**
 * Reads the header of a safetensors file of floats.
 *
 * @param name the file's name in errors: its path
 * @throws {FormatError} when the header breaks a rule of the format, or does not fit the size
 */
export function parseSafetensorsHeader({ bytes, size }: FileHead, name: string): SafetensorsHeader {
  const json = headerBytes(bytes, name);
  const start = 8 + json.length;
  const header = parseHeader(json, name);
  const metadata = parseMetadata(header, name);
  const entries = Object.entries(header)
    .filter(([key]) => key !== METADATA_KEY)
    .map(([key, value]) => parseEntry(key, value, size - start, name))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  const end = start + checkCoverage(entries, size - start, name);
  // in the order of their data
  return { metadata, tensors: new Map(entries.map((entry) => [entry.name, entry])), start, end };
}

/** The elements of a tensor of a whole file, in a buffer of their own. */
export function decodeTensor(
  bytes: Uint8Array,
  { start }: SafetensorsHeader,
  { dtype, begin, end }: Entry,
): Float32Array {
  return decodeFloats(bytes.subarray(start + begin, start + end), dtype);
}

/**
 * Reads the metadata of a safetensors file, whatever its tensors are.
 *
 * @throws {FormatError} when the header breaks a rule of the format
 */
export function readMetadata({ bytes }: Pick<FileHead, "bytes">, name: string): Record<string, string> {
  return parseMetadata(parseHeader(headerBytes(bytes, name), name), name);
}

/**
 * Writes tensors, each with its array's element type. The same input gives the same bytes: tensors and metadata keep
 * their order, `__metadata__` comes first, and spaces pad the header so that the data starts at a multiple of 8.
 *
 * @param metadata written only if it has a key; PyTorch's tools expect `{ format: "pt" }`
 * @throws {ConfigError} when a name comes twice or is `__metadata__`, or a shape and its data do not fit
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
    const setting = `tensor ${quote(name)}`;
    if (names.has(name)) {
      const found = "one that is in use";
      throw new ConfigError({ setting, expected: "a name of its own", found });
    }
    names.add(name);
    if (!isSizes(shape) || elementCount(shape) !== data.length) {
      const expected = `a shape of ${data.length} elements, as its data has`;
      throw new ConfigError({ setting, expected, found: describe(shape) });
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
 * Checks that a file has exactly the tensors of a table.
 *
 * @returns the entry of each tensor, in the table's order
 * @throws {FormatError} when a tensor is missing, has another shape, or is not in the table
 */
export function expectTensors<E extends Shaped>(
  file: TensorsOfFile<E>,
  table: ReadonlyArray<readonly [name: string, shape: readonly number[]]>,
  fileName: string,
): E[] {
  const found = table.map(([name, shape]) => {
    const tensor = file.tensors.get(name);
    const expected = `shape ${describe(shape)}`;
    if (tensor === undefined) {
      const none = `no such tensor (the file has ${listNames(file)})`;
      throw fault(tensorOf(fileName, name), expected, none);
    }
    if (tensor.shape.length !== shape.length || tensor.shape.some((size, i) => size !== shape[i])) {
      throw fault(tensorOf(fileName, name), expected, describe(tensor.shape));
    }
    return tensor;
  });
  const known = new Set(table.map(([name]) => name));
  for (const [name, { shape }] of file.tensors) {
    if (known.has(name)) continue;
    const all = `${file.tensors.size} with this one of shape ${describe(shape)}`;
    throw fault(tensorOf(fileName, name), `only the model's ${table.length} tensors`, all);
  }
  return found;
}

const NOT_SAFETENSORS = "choose a safetensors file";
const TRUNCATED = "use a complete copy";
const DAMAGED = "use an undamaged copy";

function fault(setting: string, expected: string, found: string, remedy?: string): FormatError {
  return new FormatError({ setting, expected, found, remedy });
}

const tensorOf = (file: string, name: string): string => `${file}: tensor ${quote(name)}`;

/** The first few names of a file, for one line of an error message. */
export function listNames({ tensors }: TensorsOfFile<unknown>): string {
  const names = [...tensors.keys()];
  if (names.length === 0) return "no tensors";
  const rest = names.length > 6 ? ` and ${names.length - 6} more` : "";
  return names.slice(0, 6).map(quote).join(", ") + rest;
}

/** The header's bytes, whose length is checked against the file's. */
function headerBytes(head: Uint8Array, file: string): Uint8Array {
  if (head.length < 8) throw fault(file, "8 bytes of header length", `${head.length}`, NOT_SAFETENSORS);
  const claimed = new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true);
  if (claimed > MAX_HEADER_BYTES) {
    const expected = `a safetensors file with at most ${MAX_HEADER_BYTES} bytes of header`;
    throw fault(file, expected, "another file", NOT_SAFETENSORS);
  }
  const end = 8 + Number(claimed);
  if (end <= head.length) return head.subarray(8, end);
  throw fault(file, `${claimed} bytes of header`, `only ${head.length - 8}, a truncated file`, TRUNCATED);
}

function parseHeader(bytes: Uint8Array, file: string): Record<string, unknown> {
  if (bytes[0] !== 0x7b) {
    const found = bytes.length === 0 ? "an empty one" : `byte 0x${bytes[0]!.toString(16).padStart(2, "0")}`;
    throw fault(file, 'a header of JSON that starts with "{"', found, NOT_SAFETENSORS);
  }
  let text: string;
  let header: unknown;
  try {
    // A copy, because decoders refuse shared memory.
    text = new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(bytes));
    header = JSON.parse(text);
  } catch (cause) {
    // The engine's message stays in `cause`: it quotes the file, line breaks included.
    const found = `${bytes.length} bytes of something else`;
    const damage = { setting: file, expected: "a header of JSON in UTF-8", found, remedy: DAMAGED };
    throw new FormatError(damage, { cause });
  }
  const twice = duplicateKey(text);
  if (twice === undefined) return header as Record<string, unknown>; // Valid JSON that starts with "{" is an object.
  throw fault(`${file}: header`, "each key once", `${quote(twice)} twice`);
}

function parseMetadata(header: Record<string, unknown>, file: string): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null);
  if (!Object.hasOwn(header, METADATA_KEY)) return metadata;
  const given = header[METADATA_KEY];
  if (!isObject(given)) {
    throw fault(`${file}: ${METADATA_KEY}`, "an object of strings", describe(given));
  }
  for (const [key, value] of Object.entries(given)) {
    const setting = `${file}: ${METADATA_KEY}.${quote(key)}`;
    if (typeof value !== "string") throw fault(setting, "a string", describe(value));
    metadata[key] = value;
  }
  return metadata;
}

function parseEntry(name: string, value: unknown, dataBytes: number, file: string): Entry {
  const fail = (what: string, expected: string, found: unknown, remedy = DAMAGED): never => {
    throw fault(`${tensorOf(file, name)}${what}`, expected, describe(found), remedy);
  };
  if (!isObject(value)) return fail("", "an object with dtype, shape and data_offsets", value);
  const dtype = own(value, "dtype");
  if (typeof dtype !== "string" || !isDtype(dtype)) {
    const known = [...DTYPE_BYTES.keys()].join(", ");
    return fail(", dtype", `one of ${known}`, dtype, "convert it to F32");
  }
  const shape = own(value, "shape");
  if (!isSizes(shape)) return fail(", shape", "a list of whole numbers, 0 or more", shape);
  const bytes = elementCount(shape) * DTYPE_BYTES.get(dtype)!;
  if (!Number.isSafeInteger(bytes)) return fail(", shape", "a size that a file can have", shape);
  const offsets = own(value, "data_offsets");
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    return fail(", data_offsets", "[begin, end], whole numbers with begin ≤ end", offsets);
  }
  const [begin, end] = offsets as [number, number];
  if (end - begin !== bytes) {
    return fail(", data_offsets", `${bytes} bytes apart (${dtype} ${describe(shape)})`, offsets);
  }
  if (end <= dataBytes) return { name, dtype, shape, begin, end };
  const found = `only ${dataBytes} bytes, a truncated file`;
  throw fault(tensorOf(file, name), `data up to byte ${end}`, found, TRUNCATED);
}

/**
 * Checks that every byte of the data belongs to one tensor. `entries` are sorted by `begin`.
 *
 * @returns the bytes of the data
 */
function checkCoverage(entries: readonly Entry[], dataBytes: number, file: string): number {
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) {
      const how = begin < covered ? "overlaps another tensor" : "leaves a hole before it";
      throw fault(tensorOf(file, name), `data from byte ${covered}`, `from ${begin}, which ${how}`, DAMAGED);
    }
    covered = end;
  }
  if (covered === dataBytes || dataBytes === Number.POSITIVE_INFINITY) return covered;
  throw fault(file, `${covered} bytes of data, as its tensors have`, `${dataBytes}`, DAMAGED);
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

/** The product of the sizes; NaN once it is not a safe integer, even if a later size is 0. */
function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => {
    const next = product * size;
    return Number.isSafeInteger(next) ? next : Number.NaN;
  }, 1);
}
