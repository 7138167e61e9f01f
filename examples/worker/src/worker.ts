import { ElbowError, imageOf, parseModel, Vae } from "elbow-vae/edge";
import kernels from "elbow-vae/kernels.wasm";
import model from "../model.safetensors";
import { gridPng } from "./images.ts";

// Once, when the Worker starts; every request uses the same model.
const { config, tensors } = parseModel(new Uint8Array(model));
const vae = Vae.fromModule(config, kernels, { tensors });
const image = imageOf(config);

/** More rows or samples than this take longer than a request should. */
const MOST_ROWS = 256;

/** What the sender can mend. */
class BadRequest extends Error {}

const ROUTES: Readonly<Record<string, (request: Request, url: URL) => Response | Promise<Response>>> = {
  "GET /": () =>
    new Response(
      [
        "GET  /sample.png?n=64&seed=1  new images",
        `POST /score?samples=1         the negative ELBO of every row, in nats: the higher, the stranger`,
        "POST /encode                  mu and logvar of every row",
        "",
        `Rows have ${config.inputDim} numbers: JSON [[0, 0.5, …], …], or application/octet-stream, a byte for 255 × a number.`,
        "",
      ].join("\n"),
    ),
  "GET /sample.png": (_, url) => {
    if (image?.channels !== 1) throw new BadRequest("the model's rows are not grayscale images");
    const count = wholeNumber(url, "n", 64, 1, MOST_ROWS);
    const images = vae.sample(count, { seed: wholeNumber(url, "seed", 0, 0, 2 ** 32) });
    return new Response(gridPng(images, image), { headers: { "content-type": "image/png" } });
  },
  "POST /score": async (request, url) => {
    const samples = wholeNumber(url, "samples", 1, 1, 64);
    return Response.json({ scores: [...vae.score(await rowsOf(request), { samples })] });
  },
  "POST /encode": async (request) => {
    const { mu, logvar } = vae.encode(await rowsOf(request));
    return Response.json({ mu: nested(mu), logvar: nested(logvar) });
  },
};

export default {
  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const route = ROUTES[`${request.method} ${url.pathname}`];
    if (!route) return Response.json({ error: "see / for what there is" }, { status: 404 });
    try {
      return await route(request, url);
    } catch (error) {
      if (!(error instanceof BadRequest || error instanceof ElbowError)) throw error;
      return Response.json({ error: error.message }, { status: 400 });
    }
  },
};

/** The rows in a request's body: numbers in [0, 1] as JSON, or bytes. */
async function rowsOf(request: Request): Promise<Float32Array | Uint8Array> {
  const bytes = request.headers.get("content-type")?.startsWith("application/octet-stream") ?? false;
  const rows = bytes
    ? new Uint8Array(await request.arrayBuffer())
    : numbers(await request.json().catch(() => {}));
  if (rows.length === 0 || rows.length > MOST_ROWS * config.inputDim) {
    throw new BadRequest(`expected 1 to ${MOST_ROWS} rows`);
  }
  return rows;
}

function numbers(json: unknown): Float32Array {
  const rows: unknown[] = Array.isArray(json) ? json : [undefined];
  const whole = rows.every((row) => Array.isArray(row) && row.length === config.inputDim);
  const values: unknown[] = rows.slice(0, MOST_ROWS + 1).flat();
  if (!whole || !values.every(Number.isFinite)) {
    throw new BadRequest(`expected JSON with rows of ${config.inputDim} numbers: [[…], …]`);
  }
  return Float32Array.from(values as number[]);
}

function wholeNumber(url: URL, name: string, usual: number, least: number, most: number): number {
  const text = url.searchParams.get(name) ?? String(usual);
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new BadRequest(`${name} must be a whole number from ${least} to ${most}, not ${text}`);
}

/** [rows, latentDim] as lists. */
function nested(values: Float32Array): number[][] {
  const { latentDim } = config;
  return Array.from({ length: values.length / latentDim }, (_, row) => [
    ...values.subarray(row * latentDim, (row + 1) * latentDim),
  ]);
}
