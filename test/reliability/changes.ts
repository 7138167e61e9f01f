/** A call that changes a file system, as watched-fs.ts writes it down. */
export type Change =
  | { readonly kind: "create" | "sync" | "remove" | "mkdir"; readonly path: string }
  /** Base64. */
  | { readonly kind: "write"; readonly path: string; readonly data: string }
  | { readonly kind: "rename" | "link"; readonly path: string; readonly to: string };
