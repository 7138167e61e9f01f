/** Files as they come from the world: random bytes, and good files that something has happened to. */
import fc from "fast-check";

type Bytes = Uint8Array<ArrayBuffer>;
/** What happens to a file. Positions are parts of its length, so that they shrink on their own. */
type Damage = (bytes: Bytes) => Bytes;

// Not fc.double, most of whose numbers are next to 0.
const part = fc.nat(2 ** 30 - 1).map((n) => n / 2 ** 30);
const at = (bytes: Uint8Array, where: number): number => Math.floor(where * bytes.length);

function joined(...pieces: Uint8Array[]): Bytes {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const piece of pieces) {
    whole.set(piece, end);
    end += piece.length;
  }
  return whole;
}

/** A failing case prints what was done, not only the bytes that came of it. */
function named(name: string, damage: Damage): Damage {
  return Object.assign(damage, { [fc.toStringMethod]: () => name });
}

const bitFlip = fc.tuple(part, fc.nat(7)).map(([where, bit]) =>
  named(`flip bit ${bit} at ${where}`, (bytes) => {
    const changed = new Uint8Array(bytes);
    if (changed.length > 0) changed[at(bytes, where)]! ^= 1 << bit;
    return changed;
  }),
);

const byteChange = fc
  .tuple(part, fc.constantFrom(0, 1, 0x20, 0x22, 0x7b, 0x7d, 0x7f, 0x80, 0xff))
  .map(([where, byte]) =>
    named(`set ${byte} at ${where}`, (bytes) => {
      const changed = new Uint8Array(bytes);
      if (changed.length > 0) changed[at(bytes, where)] = byte;
      return changed;
    }),
  );

const truncation = part.map((where) =>
  named(`cut at ${where}`, (bytes) => bytes.subarray(0, at(bytes, where))),
);

/** A piece is taken out, and random bytes, or a piece from elsewhere in the file, put in its place. */
const splice = fc
  .tuple(part, part, fc.oneof(fc.uint8Array({ maxLength: 16 }), fc.tuple(part, part)))
  .map(([a, b, insert]) =>
    named(`splice ${a} to ${b} with ${String(insert)}`, (bytes) => {
      const [from, to] = [at(bytes, Math.min(a, b)), at(bytes, Math.max(a, b))];
      const piece =
        insert instanceof Uint8Array
          ? insert
          : bytes.subarray(at(bytes, Math.min(...insert)), at(bytes, Math.max(...insert)));
      return joined(bytes.subarray(0, from), piece, bytes.subarray(to));
    }),
  );

const plain = [
  { weight: 3, arbitrary: bitFlip },
  { weight: 2, arbitrary: byteChange },
  { weight: 1, arbitrary: truncation },
  { weight: 2, arbitrary: splice },
];

/**
 * @param samples good files
 * @param own damage that needs to know the format
 */
export function damaged(
  samples: readonly Uint8Array[],
  own: readonly fc.Arbitrary<Damage>[] = [],
): fc.Arbitrary<Bytes> {
  const damage = fc.oneof(...plain, ...own.map((arbitrary) => ({ weight: 8, arbitrary })));
  const changed = fc
    .tuple(fc.constantFrom(...samples), fc.array(damage, { minLength: 1, maxLength: 3 }))
    .map(([sample, damages]) => damages.reduce((bytes, change) => change(bytes), joined(sample)));
  return fc.oneof(
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => joined(bytes)) },
    { weight: 9, arbitrary: changed },
  );
}

/** Values that are likely to find a fault, among any others. */
const value = fc.oneof(
  fc.constantFrom<unknown>(
    0,
    -1,
    1,
    0.5,
    1e300,
    2 ** 31,
    2 ** 53,
    "",
    "F32",
    "\u001b[2J\n",
    null,
    [],
    {},
    true,
  ),
  fc.constantFrom<unknown>([2 ** 40, 2 ** 40], [0, 2 ** 53], [[[]]], "x".repeat(2000), "__proto__", [0]),
  fc.jsonValue({ maxDepth: 2 }),
);

/** A change somewhere within a JSON value: another value, a key gone, a key twice as often, a key renamed. */
export interface Edit {
  /** Which key on each level; texts that hold JSON are entered, too. */
  readonly path: readonly number[];
  readonly kind: "replace" | "delete" | "add" | "rename";
  readonly key: string;
  readonly value: unknown;
}

export const edit: fc.Arbitrary<Edit> = fc.record({
  path: fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }),
  kind: fc.constantFrom("replace", "replace", "replace", "delete", "add", "rename"),
  key: fc.oneof(
    fc.constantFrom("__proto__", "toString", "hidden", "seed", "adam.m.fc1.weight", "epochs"),
    fc.string(),
  ),
  value,
});

/** The object that a text holds as JSON. */
function objectIn(text: string): unknown {
  try {
    return text.startsWith("{") ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

export function edited(json: unknown, { path, ...change }: Edit): unknown {
  const [step = 0, ...rest] = path;
  const inner = typeof json === "string" ? objectIn(json) : undefined;
  if (inner !== undefined) return JSON.stringify(edited(inner, { path, ...change }));
  if (typeof json !== "object" || json === null) return change.value;
  const entries = Object.entries(json);
  const index = entries.length === 0 ? 0 : step % entries.length;
  const [key, old] = entries[index] ?? [change.key, null];
  if (rest.length > 0) entries[index] = [key, edited(old, { path: rest, ...change })];
  else if (change.kind === "delete") entries.splice(index, 1);
  else if (change.kind === "add") entries.push([change.key, change.value]);
  else if (change.kind === "rename") entries[index] = [change.key, old];
  else entries[index] = [key, change.value];
  return Array.isArray(json) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}
