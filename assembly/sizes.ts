// Sizes as types: a function of a size is compiled once for each, and an `if` on it is decided by the compiler.

export class One {}
export class Two {}
export class Four {}
export class Five {}
export class Six {}

// @ts-ignore: decorator
@inline
export function size<N>(): i32 {
  if (idof<N>() == idof<One>()) return 1;
  if (idof<N>() == idof<Two>()) return 2;
  if (idof<N>() == idof<Four>()) return 4;
  return idof<N>() == idof<Five>() ? 5 : 6;
}
