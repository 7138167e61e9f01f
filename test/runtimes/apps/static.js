import { start } from "./page.js";

start(import.meta.resolve("elbow-vae/kernels.wasm"));
