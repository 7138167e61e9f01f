// A Worker for cold-start.ts. Clocks stand still inside a request, so it rings a bell outside before the work and after.
import { parseModel, Vae } from "elbow-vae/edge";
import kernels from "elbow-vae/kernels.wasm";
import bytes from "./default.safetensors";

const WORK = {
  encode() {
    const { config, tensors } = parseModel(new Uint8Array(bytes));
    const vae = Vae.fromModule(config, kernels, { tensors });
    return [...vae.encode(new Uint8Array(config.inputDim).fill(128)).mu];
  },
  nothing: () => [],
};

export default {
  async fetch(request, { BELL }) {
    const { pathname } = new URL(request.url);
    await BELL.fetch("http://bell/connect");
    await BELL.fetch("http://bell/before");
    const mu = WORK[pathname.slice(1)]();
    await BELL.fetch("http://bell/after");
    return Response.json(mu);
  },
};
