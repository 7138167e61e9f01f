import { describe, expect, onTestFinished, test } from "vitest";
import {
  ConfigError,
  type Progress,
  Trainer,
  type TrainingState,
  type TrainOptions,
  train,
  Vae,
  WorkerError,
} from "../../src/node.ts";
import { supportedArithmetic } from "../../src/wasm/builds.ts";
import {
  bitsOfState,
  createTrainer,
  type Losses,
  lossesOf,
  makeRows,
  runTask,
  type Task,
  type Workers,
} from "../support/training.ts";
import { within } from "../support/within.ts";
import { watchWorkers } from "../support/workers.ts";

const exact = { rtol: 0, atol: 0 };

const task: Task = {
  config: { inputDim: 37, hidden: [21], latentDim: 3, activation: "relu", likelihood: "bernoulli", seed: 1 },
  data: makeRows(150, 37, { bytes: true, density: 0.3 }),
  test: makeRows(20, 37, { bytes: true, density: 0.3, seed: 5 }),
  epochs: 2,
  batchSize: 20,
};

/** An epoch of so many steps that a stop comes in the middle of it. */
const long: Task = { ...task, data: makeRows(30_000, 37, { bytes: true, density: 0.3 }), epochs: 1 };

/** Starts an epoch and asks at once to stop it: at least one step is made. */
async function runAndStop(trainer: Trainer): Promise<Losses | undefined> {
  const controller = new AbortController();
  const running = trainer.runEpoch(controller.signal);
  controller.abort();
  const metrics = await running;
  return metrics && lossesOf(metrics);
}

interface Interrupted {
  readonly losses: readonly Losses[];
  readonly state: TrainingState;
  readonly vae: Vae;
  readonly legs: number;
}

/** Stops again and again, and goes on each time with a new model and a new trainer from a copy of the state. */
async function runInterrupted(crews: readonly Workers[]): Promise<Interrupted> {
  const { config, data, epochs, ...options } = task;
  const losses: Losses[] = [];
  let state: TrainingState | undefined;
  for (let legs = 1; ; legs++) {
    const vae = await Vae.create(config);
    const workers = crews[legs % crews.length];
    const trainer = await createTrainer(vae, data, { ...options, workers, resume: state });
    const metrics = await runAndStop(trainer);
    if (metrics) losses.push(metrics);
    state = structuredClone(trainer.state());
    trainer.dispose();
    expect(vae.tensors()).toEqual(state.parameters);
    if (state.epoch === epochs) return { losses, state, vae, legs };
  }
}

describe("a run that is stopped and resumed", () => {
  const [arithmetic] = supportedArithmetic();

  test.each([
    ["one thread alone", ["inline"]],
    ["other numbers of workers each time", [1, 3, "inline", 2]],
  ] as const)("ends as one that never stopped, %s", async (_, crews) => {
    const expected = await runTask(task, "inline", arithmetic);
    const { losses, state, vae, legs } = await runInterrupted(crews);
    expect(legs).toBeGreaterThan(task.epochs);
    expect(losses).toEqual(expected.losses);
    expect(bitsOfState(state)).toBeAllClose(expected.bits, exact);
    expect(vae.tensors()).toEqual(expected.vae.tensors());
  });

  test("goes on in the same trainer, too", async () => {
    const { config, data, epochs: _, ...options } = long;
    const trainer = await createTrainer(await Vae.create(config), data, { ...options, workers: 2 });
    onTestFinished(() => trainer.dispose());
    const steps: number[] = [];
    for (let stop = 0; stop < 3; stop++) {
      expect(await runAndStop(trainer)).toBeUndefined();
      steps.push(trainer.state().step);
    }
    expect(steps.toSorted((a, b) => a - b)).toEqual(steps);
    const expected = await runTask(long, 1, arithmetic);
    expect(lossesOf((await trainer.runEpoch())!)).toEqual(expected.losses[0]);
    expect(bitsOfState(trainer.state())).toBeAllClose(expected.bits, exact);
  });

  test.each([2, "inline"] as const)(
    "resumes from any snapshot of a run that goes on meanwhile, workers %s",
    async (workers) => {
      const { config, data, epochs: _, ...options } = long;
      const expected = await runTask(long, 1, arithmetic);
      const trainer = await createTrainer(await Vae.create(config), data, { ...options, workers });
      onTestFinished(() => trainer.dispose());
      const states: TrainingState[] = [await trainer.snapshot()];
      const epoch = trainer.runEpoch();
      for (let i = 0; i < 3; i++) states.push(await trainer.snapshot());
      expect(lossesOf((await epoch)!)).toEqual(expected.losses[0]);
      states.push(await trainer.snapshot());
      expect(states[0]).toMatchObject({ epoch: 0, step: 0 });
      expect(states[1]!.step).toBeGreaterThan(0);
      expect(states.at(-1)).toMatchObject({ epoch: 1, step: 0 });
      for (const resume of states) {
        const resumed = await createTrainer(await Vae.create(config), data, { ...options, workers, resume });
        onTestFinished(() => resumed.dispose());
        if (resume.epoch === 0) expect(lossesOf((await resumed.runEpoch())!)).toEqual(expected.losses[0]);
        expect(bitsOfState(resumed.state())).toBeAllClose(expected.bits, exact);
      }
    },
  );

  test("a snapshot that is asked for when the epoch ends badly is an error, too", async () => {
    const { config, data, epochs: _, ...options } = long;
    const trainer = await createTrainer(await Vae.create(config), data, { ...options, workers: 2 });
    onTestFinished(() => trainer.dispose());
    const both = Promise.allSettled([trainer.runEpoch(), trainer.snapshot()]);
    trainer.dispose();
    for (const outcome of await both) expect(outcome).toMatchObject({ reason: expect.any(WorkerError) });
  });

  test("counts its steps and seconds from where it was", async () => {
    const { config, data, epochs: _, ...options } = long;
    const trainer = await createTrainer(await Vae.create(config), data, { ...options, workers: 2 });
    expect(await runAndStop(trainer)).toBeUndefined();
    const state = trainer.state();
    trainer.dispose();
    expect(state.epoch).toBe(0);
    expect(state.step).toBeGreaterThan(0);
    expect(state.step).toBeLessThan(trainer.steps);
    expect(state.reconstructionSum).toBeGreaterThan(0);
    expect(state.klSum).toBeGreaterThan(0);
    expect(state.seconds).toBeGreaterThan(0);

    const seen: number[] = [];
    const onProgress = ({ step }: { step: number }) => void seen.push(step);
    const resumed = await createTrainer(await Vae.create(config), data, {
      ...options,
      workers: 2,
      resume: state,
      onProgress,
    });
    onTestFinished(() => resumed.dispose());
    const metrics = (await resumed.runEpoch())!;
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(state.step);
    expect(seen.at(-1)).toBe(resumed.steps);
    expect(metrics.seconds).toBeGreaterThan(state.seconds);
    expect(lossesOf(metrics)).toEqual((await runTask(long, 1, arithmetic)).losses[0]);
  });
});

describe("an aborted train()", () => {
  const { config, data } = long;
  const options = { batchSize: 20, workers: 2, epochs: 1_000_000 };

  async function collect(vae: Vae, signal: AbortSignal, more: Partial<TrainOptions> = {}): Promise<number> {
    let epochs = 0;
    for await (const _ of train(vae, data, { ...options, ...more, signal })) epochs++;
    return epochs;
  }

  test("rejects with the signal's reason, keeps what was learned and ends the workers", async () => {
    const workers = watchWorkers();
    const vae = await Vae.create(config);
    const before = vae.tensors();
    const reason = new Error("that is enough");
    const controller = new AbortController();
    const onProgress = ({ step }: Progress): void => {
      if (step > 0) controller.abort(reason);
    };
    await expect(collect(vae, controller.signal, { onProgress })).rejects.toBe(reason);
    expect(vae.tensors()).not.toEqual(before);
    expect(vae.tensors().every(({ data: values }) => values.every(Number.isFinite))).toBe(true);
    expect(workers).toHaveLength(2);
    await within(2000, Promise.all(workers.map(({ ended }) => ended)));
  });

  test("between two epochs rejects before the next", async () => {
    const controller = new AbortController();
    let epochs = 0;
    const run = async (): Promise<void> => {
      for await (const _ of train(await Vae.create(config), data, {
        ...options,
        signal: controller.signal,
      })) {
        epochs++;
        controller.abort();
      }
    };
    await expect(run()).rejects.toHaveProperty("name", "AbortError");
    expect(epochs).toBe(1);
  });

  test("before it began starts no worker", async () => {
    const workers = watchWorkers();
    const vae = await Vae.create(config);
    const before = vae.tensors();
    const reason = "never mind";
    await expect(collect(vae, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(workers).toHaveLength(0);
    expect(vae.tensors()).toEqual(before);
  });

  test("or one whose loop is left ends the workers", async () => {
    const workers = watchWorkers();
    for await (const _ of train(await Vae.create(config), data, options)) break;
    expect(workers).toHaveLength(2);
    await within(2000, Promise.all(workers.map(({ ended }) => ended)));
  });
});

describe("a state to resume", () => {
  const { config, data, epochs, ...rest } = task;
  const options = { ...rest, workers: 1 };

  async function someState(): Promise<TrainingState> {
    const trainer = await createTrainer(await Vae.create(config), data, { ...rest, workers: "inline" });
    await trainer.runEpoch();
    await runAndStop(trainer);
    return trainer.state();
  }

  const fresh = Vae.create(config)
    .then((vae) => createTrainer(vae, data, { ...rest, workers: "inline" }))
    .then((trainer) => trainer.state());

  test("gives the model its parameters, even if there is nothing left to train", async () => {
    const state = { ...(await someState()), epoch: epochs, step: 0 };
    const vae = await Vae.create(config);
    for await (const _ of train(vae, data, { ...options, epochs, resume: state })) {
      expect.unreachable("no epoch is left");
    }
    expect(vae.tensors()).toEqual(state.parameters);
  });

  test("of a longer epoch is refused, not waited for", async () => {
    const state = { ...(await someState()), step: 9 };
    const resumed = Trainer.create(await Vae.create(config), data, { ...options, resume: state });
    await expect(resumed).rejects.toThrow(ConfigError);
    await expect(resumed).rejects.toThrow(
      "resume: expected a step from 0 to 8 (an epoch has 8 steps here), found step 9; resume with the original rows and batch size",
    );
  });

  test.each([
    ["epoch", -1],
    ["epoch", 1.5],
    ["epoch", Number.NaN],
    ["step", -1],
    ["step", 0.5],
    ["step", Number.NaN],
    ["reconstructionSum", Number.NaN],
    ["klSum", Number.POSITIVE_INFINITY],
    ["seconds", Number.NaN],
  ] as const)("with %s %d is refused, and the model keeps its weights", async (key, value) => {
    const vae = await Vae.create(config);
    const before = vae.tensors();
    const resume = { ...(await fresh), [key]: value };
    const resumed = Trainer.create(vae, data, { ...options, resume });
    await expect(resumed).rejects.toThrow(ConfigError);
    await expect(resumed).rejects.toThrow(
      new RegExp(`^${key}: expected a [^\\n]*number[^\\n]*, found ${value}$`),
    );
    expect(vae.tensors()).toEqual(before);
  });

  test("at the end of its epoch is evaluated and goes on from there", async () => {
    const expected = await runTask({ ...task, epochs: 1 }, "inline", supportedArithmetic()[0]);
    const [{ trainReconstruction, trainKl }] = expected.losses;
    const state: TrainingState = {
      ...expected.state,
      epoch: 0,
      step: 8,
      reconstructionSum: trainReconstruction * data.count,
      klSum: trainKl * data.count,
    };
    const trainer = await Trainer.create(await Vae.create(config), data, { ...options, resume: state });
    onTestFinished(() => trainer.dispose());
    const metrics = (await trainer.runEpoch())!;
    expect(metrics.testLoss).toBe(expected.losses[0].testLoss);
    expect(trainer.epoch).toBe(1);
    expect(bitsOfState(trainer.state())).toBeAllClose(expected.bits, exact);
  });

  test.each(["parameters", "m", "v"] as const)("of another model is refused: %s", async (part) => {
    const workers = watchWorkers();
    const state = await someState();
    const vae = await Vae.create(config);
    const before = vae.tensors();
    const missing = { ...state, [part]: state[part].slice(1) };
    const resumed = Trainer.create(vae, data, { ...options, resume: missing });
    await expect(resumed).rejects.toThrow(ConfigError);
    await expect(resumed).rejects.toThrow(
      `${part === "parameters" ? "" : `${part} of `}fc1.weight: expected 777 numbers [21, 37], found none`,
    );
    expect(vae.tensors()).toEqual(before);
    expect(workers).toHaveLength(0);
  });
});
