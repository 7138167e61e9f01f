/** The pictures of a run, as PNG files. */
import type { Split } from "../data/dataset.ts";
import { imageOf } from "../model/config.ts";
import type { Vae } from "../node.ts";
import { manifoldPicture, reconstructionsPicture, samplesPicture } from "../report/pictures.ts";
import { priorGrid } from "../report/quantiles.ts";
import { RUN_FILES } from "../runs/run-directory-node.ts";

const SAMPLES = 64;
/** Images of 28 × 28 then make 560 pixels. */
const MANIFOLD_SIDE = 20;

/** The pictures of a run: their file names and their bytes. None, if its rows are not grayscale images. */
export function* runPictures(
  vae: Vae,
  originals: Split["values"],
): Generator<readonly [name: string, png: Uint8Array]> {
  const image = imageOf(vae.config);
  if (image?.channels !== 1) return;
  const shape = [image.height, image.width] as const;
  yield [RUN_FILES.samples, samplesPicture(vae.sample(SAMPLES), shape)];
  yield [RUN_FILES.reconstructions, reconstructionsPicture(originals, vae.reconstruct(originals), shape)];
  if (vae.config.latentDim === 2) {
    const images = vae.decode(priorGrid(MANIFOLD_SIDE));
    yield [RUN_FILES.manifold, manifoldPicture(images, shape, MANIFOLD_SIDE)];
  }
}
