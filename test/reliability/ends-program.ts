/**
 * What ends.test.ts runs as a process of its own: one thing after another, each a number of times, and then nothing. It prints
 * what each left behind; that the process ends at all is the test's to see.
 *
 *   node --expose-gc ends-program.ts KIND=TIMES …
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Trainer, Vae } from "../../src/node.ts";
import { useThreads } from "../../src/train/crew.ts";
import { startPool } from "../../src/train/pool.ts";
import { spawnNode } from "../../src/train/spawn-node.ts";

const rows = { values: Uint8Array.from({ length: 64 * 64 }, (_, i) => (i * 7919) % 256), count: 64, dim: 64 };
const vae = await Vae.create({ inputDim: 64, hidden: [32] });
const create = (more = {}): Promise<Trainer> =>
  Trainer.create(vae, rows, { workers: 2, batchSize: 16, ...more });

async function thrown(promise: Promise<unknown>): Promise<void> {
  const failed = await promise.then(
    () => false,
    () => true,
  );
  if (!failed) throw new Error("expected an error");
}

/** A piece of work that is done again and again, and what ends it. */
interface Work {
  again(): Promise<void>;
  end(): void;
}

const WORK: Readonly<Record<string, () => Promise<Work>>> = {
  async create() {
    return { again: async () => (await create()).dispose(), end: () => {} };
  },
  async epochs() {
    const trainer = await create();
    return { again: async () => void (await trainer.runEpoch()), end: () => trainer.dispose() };
  },
  async callbacks() {
    const onProgress = () => {
      throw new Error("a user's");
    };
    const trainer = await create({ onProgress });
    return { again: () => thrown(trainer.runEpoch()), end: () => trainer.dispose() };
  },
  async refused() {
    let left = 0;
    const spawn = () => {
      if (left-- === 0) throw new Error("Worker initialization failure: EAGAIN");
      return spawnNode();
    };
    useThreads({ cores: () => 2, start: startPool(spawn) });
    let i = 0;
    return {
      async again() {
        left = i++ % 2; // none, and one that has to be ended
        await thrown(create());
      },
      end: () => {},
    };
  },
  /** Epochs of some seconds, with workers of whom progress is expected in less than a second. */
  async impatient() {
    useThreads({ cores: () => 2, start: startPool(spawnNode, 700) });
    const trainer = await create({ batchSize: 1 });
    return {
      async again() {
        const end = performance.now() + 2000;
        while (performance.now() < end) await trainer.runEpoch();
      },
      end: () => trainer.dispose(),
    };
  },
  /** Trainers that nobody disposes of. */
  async forgotten() {
    return { again: async () => void (await (await create()).runEpoch()), end: () => {} };
  },
};

async function memory(): Promise<number> {
  await sleep(50); // threads that were ended need a moment
  for (let i = 0; i < 3; i++) globalThis.gc!();
  return process.memoryUsage().rss;
}

for (const argument of process.argv.slice(2)) {
  const [kind, count] = argument.split("=");
  const { again, end } = await WORK[kind!]!();
  const third = Math.ceil(Number(count) / 3);
  const marks: number[] = [];
  for (let i = 0; i < 3 * third; i++) {
    await again();
    if ((i + 1) % third === 0) marks.push(await memory());
  }
  end();
  await sleep(100);
  console.log(JSON.stringify({ kind, marks, left: process.getActiveResourcesInfo() }));
}
