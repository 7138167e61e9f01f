import { writeFile } from "node:fs/promises";
import * as elbow from "elbow-vae";
import { makeModel } from "./checks.js";

await writeFile("model.safetensors", await makeModel(elbow));
