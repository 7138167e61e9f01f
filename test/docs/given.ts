// Loaded before a sample: what the pages take for granted. A bundler or an edge runtime passes .wasm files on as modules,
// and a small model's file is there as `bytes`.

import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

registerHooks({
  load(url, context, next) {
    if (!url.endsWith(".wasm")) return next(url, context);
    const path = JSON.stringify(fileURLToPath(url));
    const source = `import { readFileSync } from "node:fs"; export default new WebAssembly.Module(readFileSync(${path}));`;
    return { format: "module", source, shortCircuit: true };
  },
});

const { serializeModel, Vae } = await import("elbow-vae/edge");
const kernels = new WebAssembly.Module(readFileSync(new URL(import.meta.resolve("elbow-vae/kernels.wasm"))));
Object.assign(globalThis, {
  bytes: serializeModel(Vae.fromModule({ inputDim: 784, hidden: [16] }, kernels)),
});
