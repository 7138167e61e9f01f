// A Worker that runs the checks on the model in a request's body; ?import=main takes the package's main entry.
import * as main from "elbow-vae";
import * as edge from "elbow-vae/edge";
import kernels from "elbow-vae/kernels.wasm";
import { check } from "./checks.js";

const TASKS = {
  edge: (model) => check(edge, { model, kernels }),
  main: (model) => check(main, { model, kernels }),
  async bytes() {
    try {
      edge.Vae.fromModule({ inputDim: 4 }, new Uint8Array(8));
    } catch (error) {
      return { known: error instanceof edge.KernelError, name: error.name, message: error.message };
    }
  },
};

export default {
  async fetch(request) {
    const task = TASKS[new URL(request.url).searchParams.get("task")];
    return Response.json(await task(new Uint8Array(await request.arrayBuffer())));
  },
};
