import { start } from "./page.js";

start(new URL("elbow-vae/kernels.wasm", import.meta.url));
