import { epochOrder } from "../src/data/sampler.ts";
import { checkConfig, checkTraining, TRAIN_DEFAULTS } from "../src/model/config.ts";
import { type Layer, parameterTable } from "../src/model/parameters.ts";
import { Vae } from "../src/model/vae.ts";
import { Program } from "../src/train/program.ts";
import { dataShape, measureDensities, planSession, type Session, withLists } from "../src/train/session.ts";
import { allocateShared, type Plan } from "../src/wasm/arena.ts";
import { instantiate, type Kernels, ROW_BYTES } from "../src/wasm/kernels.ts";
import { adamCoefficients } from "../test/support/adam.ts";
import { type BenchData, firstRows, noise } from "./data.ts";
import { median } from "./measure.ts";
import { type Setting, SHAPE } from "./setting.ts";
import { nameOfCall, type Times, timedKernels } from "./timed-kernels.ts";

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

/** One run's memory and session, for programs with kernels of one's choice. */
interface Stage {
  readonly session: Session;
  readonly plan: Plan<string>;
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  /** Room for gradients of all parameters, behind the plan. */
  readonly room: number;
}

async function prepare(setting: Setting, { train }: BenchData): Promise<Stage> {
  const config = checkConfig({ inputDim: SHAPE.inputDim });
  const rows = firstRows(train, train.count);
  const session = withLists({
    config,
    training: checkTraining({ ...TRAIN_DEFAULTS, batchSize: SHAPE.batch }),
    train: dataShape(rows),
    test: dataShape(undefined),
    densities: measureDensities(rows, setting.tile),
    size: 1,
    tile: setting.tile,
    spins: 1,
  });
  const plan = planSession(session);
  const { bytes } = parameterTable(config);
  const pages = plan.pages + Math.ceil(bytes / 65536) + 1;
  const memory = allocateShared({ ...plan, pages });
  const floats = (at: number, length: number): Float32Array => new Float32Array(memory.buffer, at, length);
  const vae = await Vae.create(config, { arithmetic: setting.arithmetic });
  vae.copyParameters(floats(plan.at.parameters, bytes / 4));
  const values = new Uint8Array(memory.buffer, plan.at.data, rows.values.length);
  values.set(rows.values);
  new Uint32Array(memory.buffer, plan.at.order, rows.count).set(epochOrder(rows.count, 0, 0));
  const { kernels } = instantiate(setting.module, memory);
  return { session, plan, memory, kernels, room: plan.end };
}

/** Runs a program's first steps one by one and gives, for each, what `read` says after it. */
function steps<T>(
  { session, memory }: Stage,
  kernels: Kernels,
  count: number,
  read: (seconds: number) => T,
): T[] {
  const program = new Program(session, 0, { kernels, memory });
  return Array.from({ length: count }, (_, step) => {
    const start = performance.now();
    program.train({ epoch: 0, fromStep: step, toStep: step + 1 });
    return read((performance.now() - start) / 1000);
  });
}

/** Every part's median over steps, and the whole step's. */
function timedSteps(stage: Stage, count: number): { whole: number; parts: Record<string, number> } {
  const times: Times = new Map();
  const kernels = timedKernels(stage.kernels, times, nameOfCall);
  const records = steps(stage, kernels, count, (seconds) => {
    const parts = new Map([...times].map(([name, entry]) => [name, entry.seconds]));
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
function adamParts({ kernels, plan, session, room, memory }: Stage, count: number): Record<string, number> {
  const { parameters, m, v } = plan.at;
  new Float32Array(memory.buffer, plan.at.adam, 6).set(adamCoefficients(1));
  const layers = parameterTable(session.config).layers;
  const run = ({ k, offset, bytes }: Layer): number => {
    const panel = (k + 1) * ROW_BYTES;
    const start = performance.now();
    for (let at = offset; at < offset + bytes; at += panel) {
      kernels.adamRows(parameters + at, m + at, v + at, room, k + 1, plan.at.adam);
    }
    return (performance.now() - start) / 1000;
  };
  // all layers in turn, as in a step, so that each finds the cache as the others leave it
  const rounds = Array.from({ length: count }, () => layers.map(run));
  const parts = layers.map(({ name }, i) => [name, median(rounds.map((round) => round[i]!))] as const);
  const { fc_mu = 0, fc_logvar = 0, ...others } = Object.fromEntries(parts);
  return { ...others, heads: fc_mu + fc_logvar };
}

async function benchOne(setting: Setting, data: BenchData): Promise<StepResult> {
  const stage = await prepare(setting, data);
  const most = Math.floor(stage.session.train.count / SHAPE.batch);
  const count = Math.min(most, setting.options.quick ? 60 : 400);
  steps(stage, stage.kernels, Math.min(most, 60), () => undefined);
  const { whole, parts } = timedSteps(stage, count);
  const plain = median(steps(stage, stage.kernels, count, (seconds) => seconds).slice(Math.floor(count / 5)));
  return {
    data: data.name,
    sparse: stage.session.densities !== undefined,
    steps: count,
    timed: whole,
    step: plain,
    parts,
    adam: adamParts(stage, Math.ceil(count / 4)),
  };
}

/** The parts of real training steps on one thread, with the data given and with data of which nothing is zero. */
export async function benchStep(setting: Setting, data: BenchData): Promise<StepResult[]> {
  const dense = { name: "noise", train: noise(12_800, SHAPE.inputDim) };
  return [await benchOne(setting, data), await benchOne(setting, dense)];
}
