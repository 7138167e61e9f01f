import kernels from "elbow-vae/kernels.wasm?url";
import { start } from "./page.js";

start(kernels);
