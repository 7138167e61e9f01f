import { imageOf, parseModel, type RowImage, Vae } from "elbow-vae";
import { drawImages } from "./draw.ts";

/** Sliders for so many latent dimensions; the others stay 0, where the prior has its middle. */
const MOST_SLIDERS = 2;
const SAMPLES = 64;

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

async function loadModel(): Promise<{ vae: Vae; image: RowImage }> {
  const response = await fetch(new URL("./model.safetensors", import.meta.url));
  const bytes = new Uint8Array(await response.arrayBuffer());
  const { config, tensors } = parseModel(bytes);
  const image = imageOf(config);
  if (image?.channels !== 1) throw new Error("the model's rows are not grayscale images");
  return { vae: await Vae.create(config, { tensors }), image };
}

async function start(): Promise<void> {
  const { vae, image } = await loadModel();
  const { inputDim, latentDim } = vae.config;

  let seed = 1;
  const drawSamples = (): void =>
    drawImages(element("samples"), vae.sample(SAMPLES, { seed: seed++ }), image);
  const again = element<HTMLButtonElement>("again");
  again.disabled = false;
  again.addEventListener("click", drawSamples);
  drawSamples();

  const z = new Float32Array(latentDim);
  const drawDecoded = (): void => drawImages(element("decoded"), vae.decode(z), image);
  for (let i = 0; i < Math.min(MOST_SLIDERS, latentDim); i++) {
    const slider = Object.assign(document.createElement("input"), {
      type: "range",
      min: "-3",
      max: "3",
      step: "0.01",
    });
    slider.value = "0";
    slider.addEventListener("input", () => {
      z[i] = slider.valueAsNumber;
      drawDecoded();
    });
    const label = document.createElement("label");
    label.append(`z${i + 1} `, slider);
    element("sliders").append(label);
  }
  drawDecoded();
  element("status").textContent = `${inputDim} numbers a row, ${latentDim} latent dimensions`;
}

start().catch((error: unknown) => {
  element("status").textContent = String(error);
});
