import { readFileSync } from "node:fs";
import type { AdamSettings } from "../reference/adam.ts";
import { ADAM_DEFAULTS } from "../reference/adam.ts";
import type { VaeConfig } from "../reference/vae.ts";

/**
 * What PyTorch computed, read from golden.json. generate.py beside it made the file and says how to make it again.
 * Every tensor is flat and row-major, weights in PyTorch's [out, in] order under PyTorch's names.
 */

/** One step's loss, summed over the batch, in nats: `loss` = `reconstruction` + `kl`. */
export interface GoldenLoss {
  readonly loss: number;
  readonly reconstruction: number;
  readonly kl: number;
}

export type GoldenTensors = ReadonlyMap<string, Float32Array>;

export interface GoldenCase {
  readonly name: string;
  readonly config: VaeConfig;
  readonly batchSize: number;
  readonly adam: AdamSettings;
  /** In the state dict's order. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** The batch of each step, [batchSize, inputDim]. */
  readonly x: readonly Float32Array[];
  /** The noise of each step, [batchSize, latentDim]. */
  readonly eps: readonly Float32Array[];
  readonly initial: GoldenTensors;
  /** Of the first step's summed loss, from the float32 run. */
  readonly gradients: GoldenTensors;
  /** After the last step, from the float32 run. */
  readonly final: GoldenTensors;
  /** Each step's loss, before its update. */
  readonly losses32: readonly GoldenLoss[];
  /** The same from a float64 run with the same float32 inputs. */
  readonly losses64: readonly GoldenLoss[];
}

/** A fresh nn.Linear's draws over 1/√fanIn: least, greatest, variance. */
export interface GoldenInit {
  readonly fanIn: number;
  readonly weight: readonly [min: number, max: number, variance: number];
  readonly bias: readonly [min: number, max: number, variance: number];
}

export interface Golden {
  /** The version of PyTorch. */
  readonly torch: string;
  readonly cases: readonly GoldenCase[];
  readonly linearInit: readonly GoldenInit[];
}

type Flat = Record<string, number[]>;
type LossRow = [loss: number, reconstruction: number, kl: number];

/** golden.json as generate.py writes it: inputs are integers over a scale. */
interface CaseInFile extends VaeConfig {
  readonly name: string;
  readonly batchSize: number;
  readonly lr: number;
  readonly shapes: Flat;
  readonly xScale: number;
  readonly x: number[][];
  readonly epsScale: number;
  readonly eps: number[][];
  readonly weightScale: number;
  readonly initial: Flat;
  readonly gradients: Flat;
  readonly losses32: LossRow[];
  readonly losses64: LossRow[];
  readonly final: Flat;
}

interface File {
  readonly torch: string;
  readonly cases: CaseInFile[];
  readonly linearInit: GoldenInit[];
}

/** Both roundings, of the quotient to float64 and of that to float32, were made by generate.py, too. */
function scaled(integers: readonly number[], scale: number): Float32Array {
  return Float32Array.from(integers, (value) => value / scale);
}

function tensors(flat: Flat, scale = 1): GoldenTensors {
  return new Map(Object.entries(flat).map(([name, values]) => [name, scaled(values, scale)]));
}

function lossOf([loss, reconstruction, kl]: LossRow): GoldenLoss {
  return { loss, reconstruction, kl };
}

function caseOf(file: CaseInFile): GoldenCase {
  const { inputDim, hidden, latentDim, activation, likelihood } = file;
  return {
    name: file.name,
    config: { inputDim, hidden, latentDim, activation, likelihood },
    batchSize: file.batchSize,
    adam: { ...ADAM_DEFAULTS, lr: file.lr },
    shapes: new Map(Object.entries(file.shapes)),
    x: file.x.map((step) => scaled(step, file.xScale)),
    eps: file.eps.map((step) => scaled(step, file.epsScale)),
    initial: tensors(file.initial, file.weightScale),
    gradients: tensors(file.gradients),
    final: tensors(file.final),
    losses32: file.losses32.map(lossOf),
    losses64: file.losses64.map(lossOf),
  };
}

export function loadGolden(): Golden {
  const file: File = JSON.parse(readFileSync(new URL("./golden.json", import.meta.url), "utf8"));
  return { torch: file.torch, cases: file.cases.map(caseOf), linearInit: file.linearInit };
}
