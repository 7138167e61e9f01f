/** A dataset may have any name that a directory can have: what a run on it writes is read again, and steers no terminal. */
import { execFile } from "node:child_process";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { printable, printableJson, shellWord } from "../../src/codecs/quote.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import { newMark } from "../../src/files/mark.ts";
import {
  loadDataset,
  parseModel,
  serializeTrace,
  Trainer,
  type TrainingState,
  trace,
  Vae,
} from "../../src/node.ts";
import { claim, claimNew } from "../../src/runs/claim-node.ts";
import { expectSameData, openEarlier } from "../../src/runs/resume.ts";
import type { RunConfig } from "../../src/runs/run-config.ts";
import { RUN_FILES } from "../../src/runs/run-directory-node.ts";
import { idx, temporaryDirectory } from "../cli/support.ts";
import { lcg } from "../formats/craft.ts";
import { firstEpoch } from "../support/metrics.ts";
import { times } from "../support/times.ts";

const CHOSEN = [
  "می\u200cخواهم", // Persian with its non-joiner
  "क्\u200dष", // Devanagari with a joiner
  "\u{1f469}\u200d\u{1f4bb}", // an emoji of two
  "soft\u00adhyphen",
  "tab\tand\nnewline\r\n",
  "\u202eover\u202cridden",
  "\u2066isolated\u2069",
  "line\u2028and paragraph\u2029",
  "\u001b[2J\u001b]0;title\u0007",
  "\u007f\u0085\u009b31m",
  "--overwrite",
  "-",
  "'quotes'\"and\"`backticks`$(echo)",
  "back\\slash\\u{41}\\n",
  " leading and trailing ",
  "__proto__",
  "constructor",
  "שלום עולם",
  "e\u0301 and é",
  "\ufeffmark",
  "\ufffd\ufffe",
  "\u{10ffff}\u{e0041}",
  "x".repeat(255),
  "ü".repeat(127),
  "\u{1f600}".repeat(63),
];

const PIECES = ["a", "é", "-", " ", "'", '"', "\\", "$", "\n", "\t", "\u001b", "\u200d", "\u200c", "\u00ad"];
PIECES.push("\u202e", "\u2066", "\u2028", "\u0085", "\u{1f469}", "م", "ש", "\u0301", ";", "&", "*", "{}");

/** The chosen names, then random ones of pieces that cause trouble. */
function names(count: number): string[] {
  const random = lcg(7);
  const one = (): string => {
    const length = 1 + ((random() >>> 8) % 12);
    return Array.from({ length }, () => PIECES[(random() >>> 8) % PIECES.length]).join("");
  };
  return [...CHOSEN, ...Array.from({ length: Math.max(0, count - CHOSEN.length) }, one)];
}

const dir = temporaryDirectory();
const images = Uint8Array.from({ length: 6 * 4 }, (_, i) => 10 * i);
const FILES = {
  "train-images-idx3-ubyte": idx([6, 2, 2], images),
  "t10k-images-idx3-ubyte": idx([6, 2, 2], images),
};

let trained: { readonly vae: Vae; readonly state: TrainingState };
beforeAll(async () => {
  const vae = await Vae.create({ inputShape: [2, 2, 1], hidden: [3] });
  vi.stubGlobal("crossOriginIsolated", false); // trains on this thread
  const trainer = await Trainer.create(vae, { values: images, count: 6, dim: 4 });
  vi.unstubAllGlobals();
  await trainer.runEpoch();
  trained = { vae, state: trainer.state() };
  trainer.dispose();
});

/** A dataset whose directory has the name. */
async function datasetOf(name: string, place: string): Promise<Dataset> {
  await mkdir(dir.at(place, name), { recursive: true });
  for (const [file, bytes] of Object.entries(FILES)) await writeFile(dir.at(place, name, file), bytes);
  return loadDataset(dir.at(place, name));
}

function configOf({ name, sha256, train, test: { count } }: Dataset, source: string): RunConfig {
  return {
    id: "0123456789ab",
    data: { name, source, sha256, train: train.count, test: count },
    model: trained.vae.config,
    training: { batchSize: 128, learningRate: 0.001 },
    epochs: 2,
    arithmetic: trained.vae.arithmetic,
    versions: { elbow: "1.2.3" },
  };
}

test("runs on datasets of any name are written, and read as what was written", async () => {
  for (const [i, name] of names(times(40, 200)).entries()) {
    const data = await datasetOf(name, `data-${i}`);
    expect(data.name).toBe(name);
    const config = configOf(data, dir.at(`data-${i}`, name));
    const writer = await claim(dir.at(`run-${i}`), config.id!, false);
    const run = writer.directory;
    await writer.begin(config);
    await writer.save(config, trained.state, [firstEpoch], "1.2.3");

    await writer.close();
    const earlier = await openEarlier(run.path);
    expect(earlier.config).toEqual(config);
    expect(earlier.checkpoint?.state).toEqual(trained.state);
    expectSameData(earlier, data);
    expect(await loadDataset(earlier.config.data.source)).toEqual(data);
    const { info, tensors } = parseModel(await readFile(run.file(RUN_FILES.model)), "model");
    expect(info.dataset).toEqual({ name, sha256: data.sha256 });
    expect([...tensors.values()]).toEqual(trained.state.parameters);
    // and the run may be replaced
    await (await claim(run.path, config.id!, true)).close();
  }
});

test("traces, too", async () => {
  const vae = await Vae.create({ inputShape: [2, 2, 1], hidden: [3] });
  const steps = await trace(vae, { values: images, count: 6, dim: 4 }, { steps: 1 });
  for (const name of names(0)) {
    const bytes = serializeTrace(steps, { info: { dataset: { name, sha256: "00" } }, machine: name });
    expect(metadataOf(bytes)).toMatchObject({ dataset: name, machine: name });
  }
});

/** By the format's description: parseSafetensors reads floats only, and a trace has integers. */
function metadataOf(bytes: Uint8Array): Record<string, string> {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  return JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))).__metadata__;
}

test("the default directory of a run has no character of its dataset's name that steers a terminal", async () => {
  await mkdir(dir.at("cwd"));
  const before = process.cwd();
  process.chdir(dir.at("cwd"));
  onTestFinished(() => process.chdir(before));
  for (const name of names(0)) {
    const writer = await claimNew(name, newMark(), new Date(2026, 0, 31, 14, 25, 30));
    const { path } = writer.directory;
    expect(path).toMatch(/^runs\/.+-20260131-142530(-\d+)?$/u);
    expect(printable(path)).toBe(path);
    expect((await stat(path)).isDirectory()).toBe(true);
    await writer.close();
    if (Buffer.byteLength(name) < 200 && printable(name) === name) expect(path).toContain(`runs/${name}-`);
    else expect(path.length).toBeLessThan("runs/".length + 220);
  }
});

describe("what is shown", () => {
  const HARMFUL = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

  test("steers no terminal, and leaves other text as it is", () => {
    for (const name of [...names(times(500, 5000)), "half \ud83d of one"]) {
      expect(printable(name)).not.toMatch(HARMFUL);
      if (!HARMFUL.test(name)) expect(printable(name)).toBe(name);
      const json = printableJson(JSON.stringify({ [name]: name }));
      expect(json).not.toMatch(HARMFUL);
      expect(JSON.parse(json)).toEqual({ [name]: name });
    }
  });

  test.skipIf(process.platform === "win32")(
    "a shell reads the words as the names that they stand for",
    async () => {
      const all = names(times(200, 1000));
      const words = all.map(shellWord);
      for (const word of words) expect(word).not.toMatch(HARMFUL);
      const echo = "process.stdout.write(JSON.stringify(process.argv.slice(1)))";
      const { stdout } = await promisify(execFile)("bash", [
        "-c",
        `"$0" -e '${echo}' -- ${words.join(" ")}`,
        process.execPath,
      ]);
      expect(JSON.parse(stdout)).toEqual(all.map((name) => (name.startsWith("-") ? `./${name}` : name)));
    },
  );
});
