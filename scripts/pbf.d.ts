// The parts of pbf's compiler that come without types.
declare module "pbf/compile" {
  /** @returns JavaScript: a function for every message */
  export function compileRaw(schema: object, options: { readonly noRead?: boolean }): string;
}

declare module "protocol-buffers-schema" {
  export default function parse(proto: string): object;
}
