// Checks a run directory after one epoch with the default settings: the losses are those of a model that learns, the
// files are there and the pictures have their sizes.
//
//   node scripts/check-run.ts RUN_DIR

import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { decode } from "fast-png";
import { parseCheckpoint } from "../src/formats/checkpoint.ts";
import { parseModel } from "../src/formats/model-file.ts";
import { parseMetrics } from "../src/runs/metrics.ts";

/** After one epoch: PyTorch has 188 in training and 169 in the test on MNIST; the digits are easier or harder. */
const LOSSES: Readonly<Record<string, { train: number; test: number }>> = {
  mnist: { train: 195, test: 173 },
  digits: { train: 230, test: 200 },
};
const PICTURES = {
  "samples.png": [242, 242],
  "reconstructions.png": [242, 242],
  "manifold.png": [560, 560],
} as const;

const directory = process.argv[2];
if (directory === undefined) throw new Error("expected a run directory");
const read = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(join(directory, name)));

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`${directory}: expected ${what}`);
  console.log(`ok: ${what}`);
}

const text = new TextDecoder();
const config = JSON.parse(text.decode(read("config.json"))) as { data: { name: string } };
const limits = LOSSES[config.data.name];
const [first] = parseMetrics(text.decode(read("metrics.jsonl")), "metrics.jsonl");
expect(limits !== undefined, "a dataset whose losses are known");
expect(first !== undefined && first.trainLoss < limits!.train, `a training loss below ${limits!.train}`);
expect((first?.testLoss ?? Infinity) < limits!.test, `a test loss below ${limits!.test}`);
for (const [name, [width, height]] of Object.entries(PICTURES)) {
  const png = decode(read(name));
  expect(png.width === width && png.height === height, `${name} of ${width}×${height}`);
  const levels = new Set(png.data);
  expect(levels.size > 100, `${name} with many shades`);
}
const { tensors } = parseModel(read("model.safetensors"));
expect(tensors.has("fc1.weight"), "model.safetensors with fc1.weight");
const { state } = parseCheckpoint(read("checkpoint.safetensors"), "checkpoint.safetensors");
expect(state.parameters[0]?.name === "fc1.weight", "checkpoint.safetensors with fc1.weight");
