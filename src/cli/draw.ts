/** `elbow sample`, `elbow reconstruct`, `elbow interpolate`: pictures from a model. */
import type { Split } from "../data/dataset.ts";
import { ConfigError, FormatError } from "../errors.ts";
import { imageOf } from "../model/config.ts";
import { tuneEngine } from "../node.ts";
import type { ImageShape } from "../report/grid.ts";
import { interpolationPicture, reconstructionsPicture, samplesPicture } from "../report/pictures.ts";
import { dataFor, type OpenedModel, openModel } from "./open-model.ts";
import type { DataFlags, OutputFlags } from "./options.ts";
import { counted, expectOutput, print, writeOutput } from "./output.ts";

export interface SampleFlags extends OutputFlags {
  readonly number: number;
  readonly seed?: number;
}

export async function sampleCommand(path: string, flags: SampleFlags): Promise<void> {
  const { number, seed } = flags;
  const { model, shape } = await open(path, flags);
  const images = model.vae.sample(number, seed === undefined ? {} : { seed });
  await write(flags, samplesPicture(images, shape), counted(number, "sample"));
}

export interface ReconstructFlags extends OutputFlags, DataFlags {
  readonly number: number;
}

export async function reconstructCommand(path: string, flags: ReconstructFlags): Promise<void> {
  const { model, shape } = await open(path, flags);
  const { test } = await dataFor(model, flags);
  const count = Math.min(flags.number, test.count);
  const originals = test.values.subarray(0, count * test.dim);
  const picture = reconstructionsPicture(originals, model.vae.reconstruct(originals), shape);
  await write(flags, picture, `${count} test images above their reconstructions`);
}

export interface InterpolateFlags extends OutputFlags, DataFlags {
  readonly from: number;
  readonly to: number;
  readonly steps: number;
}

export async function interpolateCommand(path: string, flags: InterpolateFlags): Promise<void> {
  const { model, shape } = await open(path, flags);
  const { test } = await dataFor(model, flags);
  const { from, to, steps } = flags;
  const start = model.vae.encode(row(test, "--from", from)).mu;
  const end = model.vae.encode(row(test, "--to", to)).mu;
  const images = model.vae.decode(between(start, end, steps));
  await write(flags, interpolationPicture(images, shape), `${steps} images from test image ${from} to ${to}`);
}

async function open(path: string, flags: OutputFlags): Promise<{ model: OpenedModel; shape: ImageShape }> {
  await expectOutput(flags, ".png", "");
  tuneEngine();
  const model = await openModel(path);
  const image = imageOf(model.config);
  if (image?.channels === 1) return { model, shape: [image.height, image.width] };
  const found = `rows of ${model.config.inputShape.join(" × ")} numbers`;
  const remedy = "import it again with --image-shape HEIGHTxWIDTH if its rows are images";
  throw new FormatError({ setting: model.path, expected: "a model of grayscale images", found, remedy });
}

/** A straight line in latent space, both ends included: [steps, latentDim]. */
function between(start: Float32Array, end: Float32Array, steps: number): Float32Array {
  const size = start.length;
  const line = new Float32Array(steps * size);
  for (let step = 0; step < steps; step++) {
    const t = step / (steps - 1);
    for (let i = 0; i < size; i++) line[step * size + i] = (1 - t) * start[i]! + t * end[i]!;
  }
  return line;
}

function row({ values, count, dim }: Split, flag: string, index: number): Split["values"] {
  if (index < count) return values.subarray(index * dim, (index + 1) * dim);
  throw new ConfigError({
    setting: flag,
    expected: `a test image from 0 to ${count - 1}`,
    found: `${index}`,
  });
}

async function write(flags: OutputFlags, picture: Uint8Array, what: string): Promise<void> {
  await writeOutput(flags, picture);
  print(`${flags.output}: ${what}`);
}
