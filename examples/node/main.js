// Loads the model beside this file, draws rows from it, and encodes and scores them beside rows of noise.
import { readFile } from "node:fs/promises";
import { imageOf, parseModel, Vae } from "elbow-vae";

const { config, tensors } = parseModel(await readFile(new URL("model.safetensors", import.meta.url)));
const vae = await Vae.create(config, { tensors });
const { inputDim, latentDim } = config;

const COUNT = 4;
const samples = vae.sample(COUNT, { seed: 1 }); // [COUNT, inputDim]
const noise = Float32Array.from(samples, () => Math.random());

console.log(`${inputDim} numbers a row, ${latentDim} latent dimensions\n`);
const image = imageOf(config);
if (image?.channels === 1) console.log(drawn(samples.subarray(0, inputDim), image.width));

for (const [name, rows] of Object.entries({ samples, noise })) {
  const { mu } = vae.encode(rows); // [COUNT, latentDim]
  const scores = vae.score(rows, { samples: 16, seed: 1 }); // nats, a row each: the higher, the stranger
  for (let row = 0; row < COUNT; row++) {
    const code = [...mu.subarray(row * latentDim, (row + 1) * latentDim)].map((value) => value.toFixed(2));
    console.log(`${name.padEnd(7)}  score ${scores[row].toFixed(1).padStart(7)}  mu ${code.join(" ")}`);
  }
}

/** An image as text, a line for two rows of pixels. */
function drawn(image, width) {
  const lines = [];
  for (let start = 0; start < image.length; start += 2 * width) {
    const row = [...image.subarray(start, start + width)];
    lines.push(row.map((value) => " .:-=+*#%@"[Math.min(9, Math.floor(10 * value))]).join(""));
  }
  return `${lines.join("\n")}\n`;
}
