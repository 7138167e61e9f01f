// The checks as functions of a page, whoever has built it.
import * as main from "elbow-vae";
import * as edge from "elbow-vae/edge";
import { check } from "./checks.js";

async function fetchModel() {
  return new Uint8Array(await (await fetch("model.safetensors")).arrayBuffer());
}

const ROWS = { values: new Uint8Array(40), count: 10, dim: 4 };

/** @param kernelsUrl where kernels.wasm is, which each bundler says in its own way */
export function start(kernelsUrl) {
  globalThis.elbow = { ...functions, checkEdge: () => checkEdge(kernelsUrl) };
}

async function checkEdge(kernelsUrl) {
  const kernels = await WebAssembly.compileStreaming(fetch(kernelsUrl));
  return check(edge, { model: await fetchModel(), kernels });
}

const functions = {
  checkMain: async (workers) => check(main, { model: await fetchModel(), workers }),
  digits: async () => (await main.digits()).sha256,
  async fail(workers) {
    try {
      const vae = await main.Vae.create({ inputDim: 4 });
      for await (const _ of main.train(vae, ROWS, { epochs: 1, workers }));
    } catch (error) {
      const known = error instanceof main.ElbowError;
      return { name: known ? error.name : `not an ElbowError: ${error}`, message: error.message };
    }
    return { name: "none", message: "" };
  },
};
