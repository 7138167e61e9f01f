export const LANES = 16;
export const ROW_BYTES = 64;
export const ENTRY_BYTES = 8;
export const SEGMENT = 128;
export const GRADIENT_ROWS = 85;
export const STATIC_BYTES = 4096;
