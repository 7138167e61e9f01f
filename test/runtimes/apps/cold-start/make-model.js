import { writeFile } from "node:fs/promises";
import { serializeModel, Vae } from "elbow-vae";

await writeFile("default.safetensors", serializeModel(await Vae.create({ inputDim: 784 })));
