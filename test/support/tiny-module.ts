/** A WebAssembly module of almost nothing, byte by byte: constants, a memory, a function that returns a constant. */
export interface TinyModule {
  /** i32 globals by their export names. */
  readonly globals?: Readonly<Record<string, number>>;
  /** Exports a memory of one page. */
  readonly memory?: boolean;
  /** Exports functions () → i32 that return a constant. */
  readonly functions?: Readonly<Record<string, number>>;
}

const I32 = 0x7f;

/** LEB128, signed: what constants are; for sizes below 64 it is the unsigned one, too. */
function leb(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; ) {
    const byte = rest & 0x7f;
    rest >>= 7;
    const last = (rest === 0 && byte < 0x40) || (rest === -1 && byte >= 0x40);
    bytes.push(last ? byte : byte | 0x80);
    if (last) return bytes;
  }
}

/** Sizes and counts: LEB128, unsigned. */
function size(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...size(value >> 7)];
}

function section(id: number, items: readonly (readonly number[])[]): number[] {
  if (items.length === 0) return [];
  const content = [...size(items.length), ...items.flat()];
  return [id, ...size(content.length), ...content];
}

function exported(name: string, kind: number, index: number): number[] {
  return [...size(name.length), ...new TextEncoder().encode(name), kind, ...size(index)];
}

export function tinyModule({ globals = {}, memory = false, functions = {} }: TinyModule): WebAssembly.Module {
  const bodies = Object.values(functions).map((value) => [0x00, 0x41, ...leb(value), 0x0b]);
  const bytes = [
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, bodies.length > 0 ? [[0x60, 0x00, 0x01, I32]] : []),
    ...section(
      3,
      bodies.map(() => [0x00]),
    ),
    ...section(5, memory ? [[0x00, 0x01]] : []),
    ...section(
      6,
      Object.values(globals).map((value) => [I32, 0x00, 0x41, ...leb(value), 0x0b]),
    ),
    ...section(7, [
      ...Object.keys(globals).map((name, i) => exported(name, 3, i)),
      ...Object.keys(functions).map((name, i) => exported(name, 0, i)),
      ...(memory ? [exported("memory", 2, 0)] : []),
    ]),
    ...section(
      10,
      bodies.map((body) => [...size(body.length), ...body]),
    ),
  ];
  return new WebAssembly.Module(new Uint8Array(bytes));
}
