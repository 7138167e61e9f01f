// Runs in Node, Deno and Bun, in a project that has the package: all checks on both entries, to standard output.
import { readFile } from "node:fs/promises";
import process from "node:process";
import * as main from "elbow-vae";
import * as edge from "elbow-vae/edge";
import { check } from "./checks.js";

const model = await readFile("model.safetensors");
const kernels = new WebAssembly.Module(
  await readFile(new URL(import.meta.resolve("elbow-vae/kernels.wasm"))),
);

const results = {
  edge: await check(edge, { model, kernels }),
  one: await check(main, { model, workers: 1 }),
  two: await check(main, { model, workers: 2 }),
  digits: { sha256: (await main.digits()).sha256 },
};
process.stdout.write(JSON.stringify(results));
