import { epochOrder } from "../src/data/sampler.ts";
import { checkConfig, checkTraining, TRAIN_DEFAULTS } from "../src/model/config.ts";
import { parameterTable } from "../src/model/parameters.ts";
import { Vae } from "../src/model/vae.ts";
import { Program } from "../src/train/program.ts";
import { dataShape, measureDensities, planSession, type Session } from "../src/train/session.ts";
import { allocateShared, type Plan } from "../src/wasm/arena.ts";
import { instantiate, type Kernels } from "../src/wasm/kernels.ts";
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
  const session: Session = {
    config,
    training: checkTraining({ ...TRAIN_DEFAULTS, batchSize: SHAPE.batch }),
    train: dataShape(rows),
    test: dataShape(undefined),
    densities: measureDensities(rows, setting.tile),
    size: 1,
    tile: setting.tile,
    spins: 1,
  };
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
function timedSteps(
  stage: Stage,
  count: number,
  instead: Parameters<typeof timedKernels>[3] = {},
): { whole: number; parts: Record<string, number> } {
  const times: Times = new Map();
  const kernels = timedKernels(stage.kernels, times, nameOfCall, instead);
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
 * Adam's own part of an update: the same steps with `linearBackwardWeight` in place of `linearUpdate` show what the
 * gradient alone takes. The sparse update has no such twin; its Adam is taken from fc4, row of weights by row.
 */
function adamParts(
  stage: Stage,
  parts: Readonly<Record<string, number>>,
  count: number,
): Record<string, number> {
  const { kernels, room, session } = stage;
  const withoutAdam = (...args: number[]): void => {
    const [x, xStride, dy, dyStride, batch, k, first, last] = args.slice(3) as [
      ...[number, number, number, number, number, number, number, number],
    ];
    kernels.linearBackwardWeight(room, x, xStride, dy, dyStride, batch, k, first, last, args[13]!);
  };
  const { parts: without } = timedSteps(stage, count, { linearUpdate: withoutAdam });
  const layers = parameterTable(session.config).layers;
  const bytesOf = (name: string): number => layers.find((layer) => layer.name === name)!.bytes;
  const adam: Record<string, number> = {};
  for (const layer of ["fc4", "fc3", "heads"]) {
    adam[layer] = Math.max(0, (parts[`${layer} update`] ?? 0) - (without[`${layer} update`] ?? 0));
  }
  adam.fc1 = session.densities
    ? (adam.fc4! * bytesOf("fc1")) / bytesOf("fc4")
    : Math.max(0, (parts["fc1 update"] ?? 0) - (without["fc1 update"] ?? 0));
  return adam;
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
    adam: adamParts(stage, parts, count),
  };
}

/** The parts of real training steps on one thread, with the data given and with data of which nothing is zero. */
export async function benchStep(setting: Setting, data: BenchData): Promise<StepResult[]> {
  const dense = { name: "noise", train: noise(12_800, SHAPE.inputDim) };
  return [await benchOne(setting, data), await benchOne(setting, dense)];
}
