/**
 * `elbow-vae/edge`: models and training on this thread, with kernels that the caller hands in (`Vae.fromModule`). Nothing
 * here reads files, fetches, starts workers or compiles, so it runs where none of that is allowed.
 *
 * @module elbow-vae/edge
 */

export * from "./library.ts";
