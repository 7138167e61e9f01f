// The bits of trained models: what `bits.json` holds. They change only with a reason that CHANGELOG.md gives.
//
//   node test/golden/bits.ts > test/golden/bits.json

import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import { type Arithmetic, type Rows, train, Vae, type VaeConfig } from "../../src/node.ts";
import { uniforms } from "../support/uniforms.ts";

export interface Golden {
  readonly config: Partial<VaeConfig> & Pick<VaeConfig, "inputDim">;
  readonly batchSize: number;
  /** Whether the data are bytes, mostly zeros; floats without zeros otherwise. */
  readonly sparse: boolean;
}

/** Both activations that version 0.1.0 had, both likelihoods, one to three hidden layers, batches that divide nothing. */
export const GOLDEN: readonly Golden[] = [
  { config: { inputDim: 50, hidden: [100] }, batchSize: 32, sparse: true },
  { config: { inputDim: 50, hidden: [100], seed: 1 }, batchSize: 37, sparse: false },
  { config: { inputDim: 64, hidden: [90], latentDim: 5, activation: "tanh" }, batchSize: 19, sparse: true },
  { config: { inputDim: 33, hidden: [96, 80], latentDim: 3 }, batchSize: 64, sparse: true },
  { config: { inputDim: 33, hidden: [40, 20], likelihood: "gaussian" }, batchSize: 23, sparse: false },
  {
    config: { inputDim: 17, hidden: [24, 18, 9], latentDim: 17, seed: 2 ** 53 - 1 },
    batchSize: 50,
    sparse: false,
  },
];

function rowsOf({ config, sparse }: Golden): Rows {
  const [count, dim] = [230, config.inputDim];
  const numbers = uniforms(3, count * dim, 0, 1);
  const values = sparse
    ? Uint8Array.from(numbers, (value) => Math.max(0, Math.floor(1024 * value) - 768))
    : Float32Array.from(numbers);
  return { values, count, dim };
}

/** SHA-256 of all tensors after three epochs. */
export async function hashOf(golden: Golden, arithmetic: Arithmetic, workers?: number): Promise<string> {
  const vae = await Vae.create(golden.config, { arithmetic });
  const { batchSize } = golden;
  for await (const _ of train(vae, rowsOf(golden), { epochs: 3, batchSize, workers }));
  const hash = createHash("sha256");
  for (const { name, shape, data } of vae.tensors())
    hash.update(`${name} ${shape} `).update(new Uint8Array(data.buffer));
  return hash.digest("hex");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const hashes: Record<string, string[]> = {};
  for (const arithmetic of ["simd", "relaxed"] as const) {
    hashes[arithmetic] = [];
    for (const golden of GOLDEN) hashes[arithmetic].push(await hashOf(golden, arithmetic, 2));
  }
  console.log(JSON.stringify(hashes, undefined, 2));
}
