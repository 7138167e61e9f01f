/** What a model can show of itself, as PNG files. */
import type { Split } from "../data/dataset.ts";
import type { Vae } from "../node.ts";
import type { ImageShape } from "../report/grid.ts";
import { manifoldPicture, reconstructionsPicture, samplesPicture } from "../report/pictures.ts";
import { priorGrid } from "../report/quantiles.ts";
import { RUN_FILES } from "../runs/run-directory-node.ts";

const SAMPLES = 64;
/** 20 × 20 images of 28 × 28 fill the width of a page. */
const MANIFOLD_SIDE = 20;

/** The pictures of a run: their file names and their bytes. */
export function* runPictures(
  vae: Vae,
  shape: ImageShape,
  originals: Split["values"],
): Generator<readonly [name: string, png: Uint8Array]> {
  yield [RUN_FILES.samples, samplesPicture(vae.sample(SAMPLES), shape)];
  yield [RUN_FILES.reconstructions, reconstructionsPicture(originals, vae.reconstruct(originals), shape)];
  if (vae.config.latentDim === 2) {
    const images = vae.decode(priorGrid(MANIFOLD_SIDE));
    yield [RUN_FILES.manifold, manifoldPicture(images, shape, MANIFOLD_SIDE)];
  }
}
