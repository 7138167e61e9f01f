import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FileError } from "../../src/errors.ts";
import { newMark } from "../../src/files/mark.ts";
import { checkConfig } from "../../src/model/config.ts";
import { parseRunConfig, type RunConfig } from "../../src/runs/run-config.ts";
import { claim, claimNew, expectFree, RUN_FILES } from "../../src/runs/run-directory-node.ts";

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
    const config = newConfig();
    await expectFree(path, false);
    const first = await claim(path, config, false);
    await first.savePicture(RUN_FILES.samples, Uint8Array.of(1), config);
    await first.clearDrafts(config);
    await expectFree(path, true);
    const second = await claim(path, newConfig(), true);
    expect((await readdir(path)).filter((name) => !names.includes(name))).toEqual([RUN_FILES.config]);
    await second.abandon();
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
    const directory = await claim(path, config, false);
    const others = drafts(newConfig());
    await fill(path, [...drafts(config), ...others]);
    await directory.clearDrafts(config);
    expect((await readdir(path)).sort()).toEqual([RUN_FILES.config, ...others].sort());
    await fill(path, drafts(config));
    await claim(path, newConfig(), true);
    expect((await readdir(path)).sort()).toEqual([RUN_FILES.config, ...others].sort());
    await expectUntouched(path, others);
  });

  test("of a run without an id are nobody's", async () => {
    const path = join(home, "run");
    const config = newConfig(undefined);
    const old = { ...config, id: undefined };
    const directory = await claim(path, old, false);
    const names = [
      `${RUN_FILES.model}.-${newMark()}.draft`,
      `${RUN_FILES.model}.undefined-${newMark()}.draft`,
    ];
    await fill(path, names);
    await directory.clearDrafts(old);
    await expectUntouched(path, names);
  });
});

test("a run replaces a link in its directory, and not the file that it leads to", async () => {
  const path = join(home, "run");
  const config = newConfig();
  const directory = await claim(path, config, false);
  const elsewhere = join(home, "elsewhere");
  await writeFile(elsewhere, "mine");
  for (const name of [RUN_FILES.samples, RUN_FILES.config]) {
    await rm(join(path, name), { force: true });
    await symlink(elsewhere, join(path, name));
  }
  await directory.savePicture(RUN_FILES.samples, Uint8Array.of(7), config);
  await directory.writeConfig(config);
  expect(await readFile(elsewhere, "utf8")).toBe("mine");
  expect([...(await readFile(join(path, RUN_FILES.samples)))]).toEqual([7]);
  expect((await directory.readConfig()).id).toBe(config.id);
});

describe("a directory that several runs want", () => {
  const ofWinner = async (path: string) =>
    parseRunConfig(await readFile(join(path, RUN_FILES.config), "utf8"), "config").id;

  test("becomes one run's, and the others say why", async () => {
    for (const there of [false, true]) {
      const path = join(home, `wanted-${there}`, "run");
      if (there) await fill(path, ["notes.txt"]);
      const configs = Array.from({ length: 8 }, () => newConfig());
      const outcomes = await Promise.allSettled(configs.map((config) => claim(path, config, false)));
      const winners = configs.filter((_, i) => outcomes[i]!.status === "fulfilled");
      expect(winners.map(({ id }) => id)).toEqual([await ofWinner(path)]);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected")
          expect(outcome.reason.message).toMatch(/: expected no run, found one; resume/);
      }
      expect((await readdir(path)).sort()).toEqual([RUN_FILES.config, ...(there ? ["notes.txt"] : [])]);
    }
  });

  test("stays that of a run which was faster while another loaded its data", async () => {
    const path = join(home, "run");
    await expectFree(path, false);
    const config = newConfig();
    const faster = await claim(path, config, false);
    await faster.savePicture(RUN_FILES.samples, Uint8Array.of(1), config);
    await expect(claim(path, newConfig(), false)).rejects.toThrow(/expected no run, found one/);
    expect((await readdir(path)).sort()).toEqual([RUN_FILES.config, RUN_FILES.samples]);
    expect(await ofWinner(path)).toBe(config.id);
  });
});

describe("directories by default", () => {
  const start = process.cwd();
  beforeEach(() => process.chdir(home));
  afterEach(() => process.chdir(start));

  test("runs that start in the same second get one each", async () => {
    const now = new Date(2025, 0, 31, 14, 25, 30);
    const directories = await Promise.all(Array.from({ length: 12 }, () => claimNew(newConfig(), now)));
    const first = join("runs", "idx-20250131-142530");
    const expected = [first, ...Array.from({ length: 11 }, (_, i) => `${first}-${i + 2}`)];
    expect(directories.map(({ path }) => path).sort()).toEqual(expected.sort());
    const ids = await Promise.all(directories.map(async (directory) => (await directory.readConfig()).id));
    expect(new Set(ids).size).toBe(12);
  });

  test("a file in the way is named", async () => {
    await writeFile("runs", "");
    await expect(claimNew(newConfig(), new Date())).rejects.toThrow(FileError);
  });

  test("an empty path is the current directory, with what is in it", async () => {
    await writeFile(RUN_FILES.model, "mine");
    await expect(expectFree("", false)).rejects.toThrow(/model\.safetensors without a run/);
  });
});
