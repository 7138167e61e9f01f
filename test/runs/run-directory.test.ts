import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FileError } from "../../src/errors.ts";
import { newMark } from "../../src/files/mark.ts";
import { checkConfig } from "../../src/model/config.ts";
import { Vae } from "../../src/node.ts";
import { claim, claimEarlier, claimNew, expectFree, LOCK_FILE } from "../../src/runs/claim-node.ts";
import { thisProcess } from "../../src/runs/holder-node.ts";
import { type RunConfig, serializeRunConfig } from "../../src/runs/run-config.ts";
import { RUN_FILES, type RunDirectory } from "../../src/runs/run-directory-node.ts";
import type { RunWriter } from "../../src/runs/run-writer-node.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "elbow-runs-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

function newConfig(id: string | undefined = newMark()): RunConfig {
  return {
    id,
    data: { name: "idx", source: "/idx", sha256: "ab".repeat(32), train: 100, test: 20 },
    model: checkConfig({ inputDim: 6 }),
    training: { batchSize: 32, learningRate: 0.002 },
    epochs: 3,
    arithmetic: "simd",
    versions: {},
  };
}

/** A directory of a new run that has begun. */
async function begin(path: string, config: RunConfig, overwrite = false): Promise<RunWriter> {
  const writer = await claim(path, config.id!, overwrite);
  await writer.begin(config);
  return writer;
}

/** Saves a state of a tiny model, told apart by its step. */
async function save(writer: RunWriter, config: RunConfig, step: number): Promise<void> {
  const vae = await Vae.create(config.model);
  const zeros = vae.tensors().map((tensor) => ({ ...tensor, data: new Float32Array(tensor.data.length) }));
  const state = { epoch: 0, step, reconstructionSum: 1, klSum: 1, seconds: 1 };
  await writer.save(config, { ...state, parameters: vae.tensors(), m: zeros, v: zeros }, [], "0.0.0");
}

const SAVED = [RUN_FILES.checkpoint, RUN_FILES.config, RUN_FILES.metrics, RUN_FILES.model];

/** The text of a lock, of this process unless other fields are given. */
function lockOf(fields: object): string {
  return `${JSON.stringify({ ...thisProcess(), started: "1", token: newMark(), owner: newMark(), ...fields })}\n`;
}

async function contentsOf(path: string): Promise<Map<string, string>> {
  const entries = await readdir(path, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  const read = async (name: string) => [name, await readFile(join(path, name), "latin1")] as const;
  return new Map(await Promise.all(files.map(read)));
}

/** Names that resemble a run's own, and are not. */
function foreignNames(): string[] {
  const endings = [
    ".1",
    ".20000",
    ".4294967295",
    ".bak",
    "~",
    ".tmp",
    ".draft",
    ".partial",
    " ",
    ".",
    ".-0.draft",
  ];
  const drafts = [`.${newMark()}-${newMark()}.draft`, `.-${newMark()}.draft`, `.${newMark()}.draft`];
  const own = Object.values(RUN_FILES);
  const suffixed = own.flatMap((name) => [...endings, ...drafts].map((ending) => name + ending));
  const prefixed = own.flatMap((name) => [
    `.${name}`,
    `-${name}`,
    `--${name}`,
    `é${name}`,
    `\u200d${name}`,
    `old ${name}`,
  ]);
  return [
    ...suffixed,
    ...prefixed,
    ...own.map((name) => name.toUpperCase()),
    "notes.txt",
    "-rf",
    "--",
    "*",
    "ملف",
  ];
}

async function fill(directory: string, names: readonly string[]): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const name of names) await writeFile(join(directory, name), `mine: ${name}`);
}

async function expectUntouched(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) expect(await readFile(join(directory, name), "utf8")).toBe(`mine: ${name}`);
}

describe("files that are not the run's", () => {
  const names = foreignNames();

  test("are about 200", () => {
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(140);
  });

  test("stay, whatever a run does to its directory", async () => {
    const path = join(home, "run");
    await fill(path, names);
    const [config, other] = [newConfig(), newConfig()];
    const first = await begin(path, config);
    await save(first, config, 1);
    await save(first, config, 2);
    await first.savePicture(RUN_FILES.samples, Uint8Array.of(1));
    await first.complete();
    await first.close();
    const failing = await begin(path, other, true);
    await failing.savePicture(RUN_FILES.samples, Uint8Array.of(2));
    await failing.close();
    const second = await begin(path, other, true);
    await save(second, other, 1);
    await second.close();
    const again = await claimEarlier(path, newMark());
    await again.begin(other);
    await again.close();
    expect((await readdir(path)).filter((name) => !names.includes(name)).sort()).toEqual(SAVED);
    await expectUntouched(path, names);
  });

  test("stay when a new run saves nothing", async () => {
    const path = join(home, "run");
    await fill(path, names);
    await (await begin(path, newConfig())).close();
    expect((await readdir(path)).sort()).toEqual([...names].sort());
    await expectUntouched(path, names);
  });
});

describe("drafts that a killed run left", () => {
  const drafts = ({ id }: RunConfig) =>
    [RUN_FILES.config, RUN_FILES.model, RUN_FILES.checkpoint].map((name) => {
      return `${name}.${id}-${newMark()}.draft`;
    });

  test("are deleted by the run itself, and by the run that replaces it", async () => {
    const path = join(home, "run");
    const config = newConfig();
    const writer = await begin(path, config);
    await save(writer, config, 1);
    await writer.close();
    const others = drafts(newConfig());
    await fill(path, [...drafts(config), ...others]);
    const resumed = await claimEarlier(path, newMark());
    await resumed.begin(config);
    await resumed.close();
    expect((await readdir(path)).sort()).toEqual([...SAVED, ...others].sort());
    await fill(path, drafts(config));
    await (await begin(path, newConfig(), true)).close();
    expect((await readdir(path)).sort()).toEqual([...SAVED, ...others].sort());
    await expectUntouched(path, others);
  });

  test("are deleted by whoever takes over from it before it had a config.json", async () => {
    const path = join(home, "run");
    const dead = newConfig();
    await fill(path, drafts(dead));
    await writeFile(join(path, LOCK_FILE), lockOf({ owner: dead.id! }));
    await (await begin(path, newConfig())).close();
    expect(await readdir(path)).toEqual([]);
  });
});

test("a run replaces a link in its directory, and not the file that it leads to", async () => {
  const path = join(home, "run");
  const config = newConfig();
  const writer = await begin(path, config);
  const elsewhere = join(home, "elsewhere");
  await writeFile(elsewhere, "mine");
  for (const name of [RUN_FILES.samples, RUN_FILES.model]) await symlink(elsewhere, join(path, name));
  await writer.savePicture(RUN_FILES.samples, Uint8Array.of(7));
  await save(writer, config, 1);
  await writer.close();
  expect(await readFile(elsewhere, "utf8")).toBe("mine");
  expect([...(await readFile(join(path, RUN_FILES.samples)))]).toEqual([7]);
});

describe("a directory that several runs want", () => {
  test("becomes one run's, and the others say why", async () => {
    for (const there of [false, true]) {
      const path = join(home, `wanted-${there}`, "run");
      if (there) await fill(path, ["notes.txt"]);
      const configs = Array.from({ length: 8 }, () => newConfig());
      const outcomes = await Promise.allSettled(configs.map((config) => begin(path, config)));
      const winners = outcomes.filter(({ status }) => status === "fulfilled");
      expect(winners).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected")
          expect(outcome.reason.message).toMatch(
            /: expected no other run at work in it, found process \d+ on/,
          );
      }
      const notes = there ? ["notes.txt"] : [];
      expect((await readdir(path)).sort()).toEqual([RUN_FILES.config, ...notes, LOCK_FILE].sort());
      const { value } = winners[0] as PromiseFulfilledResult<RunWriter>;
      expect((await value.directory.readConfig()).id).toBe(value.id);
      await value.close();
      expect(await readdir(path).catch(() => [])).toEqual(notes);
    }
  });

  test("is not replaced, resumed or overwritten while its run is at work", async () => {
    const path = join(home, "run");
    const config = newConfig();
    const writer = await begin(path, config);
    await save(writer, config, 1);
    const before = await contentsOf(path);
    await expect(claim(path, newMark(), false)).rejects.toThrow(/expected no other run at work in it/);
    await expect(claim(path, newMark(), true)).rejects.toThrow(/expected no other run at work in it/);
    await expect(claimEarlier(path, newMark())).rejects.toThrow(/expected no other run at work in it/);
    expect(await contentsOf(path)).toEqual(before);
    await writer.close();
    await (await claimEarlier(path, newMark())).close();
  });

  test("stays that of a run which was faster while another looked", async () => {
    const path = join(home, "run");
    await expectFree(path, false);
    const config = newConfig();
    const faster = await begin(path, config);
    await save(faster, config, 1);
    await faster.close();
    const before = await contentsOf(path);
    await expect(claim(path, newMark(), false)).rejects.toThrow(/expected no run, found one/);
    expect(await contentsOf(path)).toEqual(before);
  });
});

describe("a run that replaces another", () => {
  const replace = async (path: string) => {
    const [old, config] = [newConfig(), newConfig()];
    const before = await begin(path, old);
    await save(before, old, 1);
    await before.savePicture(RUN_FILES.manifold, Uint8Array.of(1));
    await before.close();
    return { old, config, writer: await begin(path, config, true) };
  };

  test("leaves it whole until the new one has saved, whatever ends the new one", async () => {
    const path = join(home, "run");
    const { old, config, writer } = await replace(path);
    const before = await contentsOf(path);
    await writer.savePicture(RUN_FILES.samples, Uint8Array.of(2));
    expect(await contentsOf(path)).toEqual(before);
    await writer.close();
    expect((await writer.directory.readConfig()).id).toBe(old.id);
    expect((await readdir(path)).sort()).toEqual([...SAVED, RUN_FILES.manifold].sort());
    const second = await begin(path, config, true);
    await save(second, config, 1);
    expect((await readdir(path)).sort()).toEqual([...SAVED, LOCK_FILE].sort());
    expect((await second.directory.readConfig()).id).toBe(config.id);
    await second.close();
  });

  test("is whole or not there, wherever it was killed while it took the place", async () => {
    // all states between the renames of a swap, as a killed process leaves them
    for (let moved = 0; moved <= SAVED.length; moved++) {
      const path = join(home, `swap-${moved}`);
      const { config, writer } = await replace(path);
      await writer.savePicture(RUN_FILES.samples, Uint8Array.of(2));
      await save(writer, config, 1);
      const expected = [...SAVED, RUN_FILES.samples].sort();
      await writer.close();
      const swap = join(path, `elbow-${config.id}.swap`);
      await mkdir(swap);
      const order = [...expected.filter((name) => name !== RUN_FILES.config), RUN_FILES.config];
      order.sort((a, b) => Number(b === RUN_FILES.model) - Number(a === RUN_FILES.model));
      for (const name of order.slice(moved)) await rename(join(path, name), join(swap, name));
      if (moved === 0) await writeFile(join(path, RUN_FILES.config), serializeRunConfig(newConfig()));
      if (moved === 0) await writeFile(join(path, RUN_FILES.manifold), "of the old run");
      const contents = moved === 0 ? undefined : await contentsOf(path);
      if (moved > 0 && moved < order.length)
        await writeFile(join(path, RUN_FILES.config), serializeRunConfig(newConfig()));
      const resumed = await claimEarlier(path, newMark());
      expect(resumed.id).toBe(config.id);
      await resumed.close();
      expect((await readdir(path)).sort()).toEqual(expected);
      for (const [name, bytes] of contents ?? []) {
        if (name !== RUN_FILES.config) expect((await contentsOf(path)).get(name)).toEqual(bytes);
      }
    }
  });

  test("does not take a directory of somebody else's for its own", async () => {
    const path = join(home, "run");
    const { writer } = await replace(path);
    await writer.close();
    const foreign = [`elbow-${newMark()}.new`, `elbow-${newMark()}.swap`, "elbow-mine.new"];
    for (const name of foreign) await fill(join(path, name), [RUN_FILES.model, "mine"]);
    await (await claimEarlier(path, newMark())).close();
    for (const name of foreign) await expectUntouched(join(path, name), [RUN_FILES.model, "mine"]);
  });
});

describe("the checkpoint before the newest", () => {
  const twice = async () => {
    const path = join(home, "run");
    const config = newConfig();
    const writer = await begin(path, config);
    for (const step of [1, 2]) await save(writer, config, step);
    await writer.close();
    return writer.directory;
  };
  const stepOf = async (directory: RunDirectory, faults: string[] = []) =>
    (await directory.readCheckpoint(({ message }) => faults.push(message)))?.state.step;

  test("is read where the newest is damaged or missing", async () => {
    const directory = await twice();
    expect(await stepOf(directory)).toBe(2);
    await truncate(directory.file(RUN_FILES.checkpoint), 100);
    const faults: string[] = [];
    expect(await stepOf(directory, faults)).toBe(1);
    expect(faults).toEqual([expect.stringContaining(directory.file(RUN_FILES.checkpoint))]);
    await rm(directory.file(RUN_FILES.checkpoint));
    expect(await stepOf(directory)).toBe(1);
  });

  test("is no help if it is damaged, too: the error is the newest's", async () => {
    const directory = await twice();
    for (const name of [RUN_FILES.checkpoint, RUN_FILES.previous]) await truncate(directory.file(name), 100);
    await expect(stepOf(directory)).rejects.toThrow(directory.file(RUN_FILES.checkpoint));
  });
});

describe("directories by default", () => {
  const start = process.cwd();
  beforeEach(() => process.chdir(home));
  afterEach(() => process.chdir(start));

  test("runs that start in the same second get one each", async () => {
    const now = new Date(2025, 0, 31, 14, 25, 30);
    const directories = await Promise.all(Array.from({ length: 12 }, () => claimNew("idx", newMark(), now)));
    const first = join("runs", "idx-20250131-142530");
    const expected = [first, ...Array.from({ length: 11 }, (_, i) => `${first}-${i + 2}`)];
    expect(directories.map(({ directory }) => directory.path).sort()).toEqual(expected.sort());
    for (const writer of directories) await writer.close();
  });

  test("a file in the way is named", async () => {
    await writeFile("runs", "");
    await expect(claimNew("idx", newMark(), new Date())).rejects.toThrow(FileError);
  });

  test("an empty path is the current directory, with what is in it", async () => {
    await writeFile(RUN_FILES.model, "mine");
    await expect(expectFree("", false)).rejects.toThrow(/model\.safetensors without a run/);
  });
});
