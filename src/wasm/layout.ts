// What the kernels and their callers agree on. Both compilers read this file, AssemblyScript and TypeScript, so it has
// integer constants only.

/** Floats in a row of a panel. All matrices are stored as panels: [ceil(columns / 16)][rows][16]. */
export const LANES = 16;
/** Bytes in a row of a panel: one cache line. */
export const ROW_BYTES = 64;

/** Bytes of a nonzero in a list (assembly/lists.ts): the offset of a row and a value. */
export const ENTRY_BYTES = 8;
/** Columns that are listed together, and entries that are written together. */
export const LISTED_TOGETHER = 4;
/** Places of a list in one segment: five panels of so many rows are 40 KiB. */
export const SEGMENT = 128;

/** Panels that share the work of a list's entry, at most. */
export const PANELS_AT_ONCE = 5;
/** Room for the gradient that an update computes before Adam reads it: 16 rows of weights and a bias for each panel. */
export const GRADIENT_BYTES = PANELS_AT_ONCE * (LANES + 1) * ROW_BYTES;

/** Activations that `linear` applies to its sums. */
export const NONE = 0;
export const RELU = 1;
export const TANH = 2;

/** Tiles, rows × columns of a product that stay in registers: src/wasm/tiles.ts chooses one for the engine. */
export const TILE_6X16 = 0;
export const TILE_4X16 = 1;
export const TILE_6X8 = 2;
export const TILE_4X8 = 3;

/** Memory below this belongs to the kernels' static data. */
export const STATIC_BYTES = 4096;

/** Raise it when an export of the kernels changes its parameters or its meaning. */
export const INTERFACE = 1;

/** A checksum of all these, which each kernel build exports: a build of another version is refused. */
export const LAYOUT =
  3 * LANES +
  5 * ROW_BYTES +
  7 * ENTRY_BYTES +
  11 * LISTED_TOGETHER +
  13 * SEGMENT +
  17 * GRADIENT_BYTES +
  19 * NONE +
  23 * RELU +
  29 * TANH +
  31 * TILE_6X16 +
  37 * TILE_4X16 +
  41 * TILE_6X8 +
  43 * TILE_4X8 +
  47 * STATIC_BYTES +
  53 * INTERFACE;
