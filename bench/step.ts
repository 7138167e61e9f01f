import { epochOrder } from "../src/data/sampler.ts";
import { checkConfig, checkTraining } from "../src/model/config.ts";
import { kindOf } from "../src/model/layers/kinds.ts";
import { parameterTable } from "../src/model/parameters.ts";
import { Vae } from "../src/model/vae.ts";
import { type OpenSession, openSession } from "../src/train/open-session.ts";
import { Program } from "../src/train/program.ts";
import { Kernels } from "../src/wasm/kernels.ts";
import { ROW_BYTES } from "../src/wasm/layout.ts";
import { adamCoefficients } from "../test/support/adam.ts";
import { type BenchData, noise } from "./data.ts";
import { median } from "./measure.ts";
import { type Setting, SHAPE } from "./setting.ts";
import { type Times, timedKernels } from "./timed-kernels.ts";

/** Seconds of a step's parts on one thread: medians over many steps, each part's calls in a step added up. */
export interface StepResult {
  readonly data: string;
  readonly sparse: boolean;
  readonly steps: number;
  /** A whole step with the clock around each kernel, and without. */
  readonly timed: number;
  readonly step: number;
  /** By the name of the part, in the order of the step; `rest` is JavaScript and the clock itself. */
  readonly parts: Readonly<Record<string, number>>;
  /** What Adam adds to a layer's gradient, by layer. */
  readonly adam: Readonly<Record<string, number>>;
}

/** What a step takes between its kernels: JavaScript, and the clock itself. */
const REST = "rest";

async function prepare(setting: Setting, { train }: BenchData): Promise<OpenSession> {
  const { module, tile, build, arithmetic } = setting;
  const vae = await Vae.create(checkConfig({ inputDim: SHAPE.inputDim }), { arithmetic });
  const training = checkTraining({ batchSize: SHAPE.batch });
  // the gradient of all parameters gives Adam something to read
  const options = { training, module, tile, shared: build.shared, size: 1, spins: 1, wholeGradient: true };
  const open = openSession(vae, train, options);
  const { instance, memory } = open;
  const order = new Uint32Array(instance.memory.buffer, memory.order.at, train.count);
  order.set(epochOrder(train.count, 0, 0));
  return open;
}

/** Runs a program's first steps one by one and gives, for each, what `read` says after it. */
function steps<T>(
  { session, instance }: OpenSession,
  kernels: Kernels,
  count: number,
  read: (seconds: number) => T,
): T[] {
  const program = new Program(session, 0, instance, undefined, kernels);
  return Array.from({ length: count }, (_, step) => {
    const start = performance.now();
    program.train({ epoch: 0, fromStep: step, toStep: step + 1 });
    return read((performance.now() - start) / 1000);
  });
}

/** Every part's median over steps, and the whole step's. */
function timedSteps(open: OpenSession, kernels: Kernels, count: number) {
  const times: Times = new Map();
  const records = steps(open, timedKernels(kernels, times), count, (seconds) => {
    const parts = new Map(times);
    times.clear();
    // step by step, because medians of parts do not add up to the median of steps
    parts.set(REST, seconds - [...parts.values()].reduce((sum, part) => sum + part, 0));
    return { seconds, parts };
  }).slice(Math.floor(count / 5));
  const names = [...new Set(records.flatMap(({ parts }) => [...parts.keys()]))];
  const parts = names.map((name) => [name, median(records.map((record) => record.parts.get(name) ?? 0))]);
  return { whole: median(records.map(({ seconds }) => seconds)), parts: Object.fromEntries(parts) };
}

/**
 * Adam's own part of each layer's update: the kernel that follows a gradient, alone, over the layer's parameters and
 * moments, with a gradient that stays in the first-level cache as a block's does.
 */
function adamParts({ session, memory, instance }: OpenSession, _kernels: Kernels, count: number) {
  const { parameters, m, v, wholeGradient, rooms } = memory;
  const [{ adam }] = rooms as [(typeof rooms)[number]];
  new Float32Array(instance.memory.buffer, adam, 6).set(adamCoefficients(1));
  const { places } = parameterTable(session.config);
  const run = ({ layer, offset }: (typeof places)[number]): number => {
    const end = offset + kindOf(layer).bytes(layer);
    const panel = (layer.input.shape[0]! + 1) * ROW_BYTES;
    const start = performance.now();
    for (let at = offset; at < end; at += panel) {
      const [w, first, second] = [parameters.at + at, m.at + at, v.at + at];
      instance.exports.adamRows(w, first, second, wholeGradient!.at, panel / ROW_BYTES, adam);
    }
    return (performance.now() - start) / 1000;
  };
  // all layers in turn, as in a step, so that each finds the cache as the others leave it
  const rounds = Array.from({ length: count }, () => places.map(run));
  const name = ({ layer: { modules } }: (typeof places)[number]) =>
    modules.length > 1 ? "heads" : modules[0]!.name;
  return Object.fromEntries(
    places.map((place, i) => [name(place), median(rounds.map((round) => round[i]!))]),
  );
}

async function benchOne(setting: Setting, data: BenchData): Promise<StepResult> {
  const open = await prepare(setting, data);
  const kernels = new Kernels(open.instance.exports, setting.tile);
  const most = Math.floor(data.train.count / SHAPE.batch);
  const count = Math.min(most, setting.options.quick ? 60 : 400);
  steps(open, kernels, Math.min(most, 60), () => undefined);
  const { whole, parts } = timedSteps(open, kernels, count);
  const plain = median(steps(open, kernels, count, (seconds) => seconds).slice(Math.floor(count / 5)));
  return {
    data: data.name,
    sparse: open.session.densities !== undefined,
    steps: count,
    timed: whole,
    step: plain,
    parts,
    adam: adamParts(open, kernels, Math.ceil(count / 4)),
  };
}

/** The parts of real training steps on one thread, with the data given and with data of which nothing is zero. */
export async function benchStep(setting: Setting, data: BenchData): Promise<StepResult[]> {
  const dense = { name: "noise", train: noise(12_800, SHAPE.inputDim) };
  return [await benchOne(setting, data), await benchOne(setting, dense)];
}
