/**
 * Files that lie about their sizes, or hide much in little, cost no more than what they validly hold: one line, exit 1,
 * at most 100 MB and 2 s of the processor above an empty command. The processor's time, because the machine may be busy.
 */
import { execFileSync } from "node:child_process";
import { mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { type Outcome, start, startElbow, temporaryDirectory } from "../cli/support.ts";
import { craft } from "../formats/craft.ts";
import { times } from "../support/times.ts";
import { GOOD, idxOf, type Kind } from "./hostile-files.ts";
import type { Reading } from "./read-hostile.ts";

const MOST_PEAK = 100e6;
const MOST_SECONDS = 2;
/** A process that nothing else ends. */
const MOST_WALL = 100_000;

// Peaks are read from Linux's /proc.
const onLinux = process.platform === "linux" && Boolean(process.features.typescript);
const dir = temporaryDirectory();

/** Writes the process's peak of resident memory in bytes, and its time in seconds, into a file at its end. */
const METER = `data:text/javascript,${encodeURIComponent(`
  import { readFileSync, writeFileSync } from "node:fs";
  process.on("exit", () => {
    const peak = 1024 * Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
    const { user, system } = process.cpuUsage();
    writeFileSync(process.env.METER, JSON.stringify({ peak, seconds: (user + system) / 1e6 }));
  });`)}`;

interface Metered extends Outcome {
  readonly peak: number;
  readonly seconds: number;
}

let meters = 0;

/** The command, ended if nothing else ends it. */
async function metered(args: readonly string[]): Promise<Metered> {
  const meter = dir.at(`meter-${meters++}`);
  const { child, end } = startElbow(args, {
    cwd: dir.path,
    nodeFlags: ["--import", METER],
    env: { METER: meter },
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), MOST_WALL);
  const outcome = await end.finally(() => clearTimeout(timer));
  if (outcome.code === null) throw new Error(`no end within ${MOST_WALL / 1000} s: elbow ${args.join(" ")}`);
  return { ...outcome, ...(JSON.parse(await readFile(meter, "utf8")) as Pick<Metered, "peak" | "seconds">) };
}

async function sparse(name: string, bytes: Uint8Array, size: number): Promise<void> {
  await writeFile(dir.at(name), bytes);
  await truncate(dir.at(name), size);
}

/** A directory of a dataset whose training images are not what they seem. */
async function dataset(name: string, file: string, images: Uint8Array, size = images.length): Promise<void> {
  await mkdir(dir.at(name));
  await writeFile(dir.at(name, "t10k-images-idx3-ubyte"), idxOf([1, 28, 28], new Uint8Array(784)));
  await sparse(join(name, file), images, size);
}

/** A run whose file of this name is a good one's start, then zeros; `bytes` of undefined makes a pipe. */
async function run(name: string, file: string, bytes: Uint8Array | undefined, size = 0): Promise<void> {
  await mkdir(dir.at(name));
  await writeFile(dir.at(name, "config.json"), GOOD.config());
  if (bytes === undefined) execFileSync("sh", ["-c", 'rm -f "$0"; mkfifo "$0"', dir.at(name, file)]);
  else await sparse(join(name, file), bytes, size);
}

const GIB = 2 ** 30;
const IMAGES = "train-images-idx3-ubyte";
/** A header with all the small objects that it has room for. */
const OBJECTS = craft(`{"x":[${"{},".repeat(174_000)}{}]}`);

/** What is made, what is said, and the line that says it. */
type Case = readonly [make: () => Promise<void>, args: readonly string[], message: RegExp];

/** The first are those of `npm test`. */
const CASES: Readonly<Record<string, Case>> = {
  "a header of small objects": [
    () => writeFile(dir.at("objects"), OBJECTS),
    ["import", "objects", "-o", "never-1"],
    /^elbow: objects: tensor "x": expected an object with dtype, [^\n]+\n$/,
  ],
  "gigabytes in a megabyte of gzip": [
    () => dataset("bomb", `${IMAGES}.gz`, bombOf(64)),
    ["train", "--data", "bomb", "--out", "never-2"],
    /^elbow: \S+: expected 1584 bytes \(a header of 16, then 2 × 28 × 28\), found \d+ even when compressed; [^\n]+\n$/,
  ],
  "a pipe as data": [
    async () => {
      await dataset("pipe", IMAGES, new Uint8Array(0));
      execFileSync("sh", ["-c", 'rm "$0"; mkfifo "$0"', dir.at("pipe", IMAGES)]);
    },
    ["train", "--data", "pipe", "--out", "never-3"],
    /^elbow: \S+: expected a regular file, found a pipe; copy its contents to a file first\n$/,
  ],
  "a device": [
    () => Promise.resolve(),
    ["info", "/dev/zero"],
    /^elbow: \/dev\/zero: expected a regular file, found a device; copy its contents to a file first\n$/,
  ],
  "a model of 5 GB": [
    () => sparse("zeros", GOOD.model(), 5 * GIB),
    ["info", "zeros"],
    /^elbow: zeros: expected \d+ bytes of data, as its tensors have, found 5368\d+; use an undamaged copy\n$/,
  ],
  "a header of 100 MB": [
    () => sparse("long", craft("{", [], 100_000_000n), 100_000_008),
    ["info", "long"],
    /^elbow: long: expected a safetensors file with at most 524280 bytes of header, found another file; choose a safetensors file\n$/,
  ],
  "2³² rows": [
    () => dataset("rows", `${IMAGES}.gz`, gzipSync(idxOf([2 ** 32 - 1, 28, 28], new Uint8Array(1568)))),
    ["train", "--data", "rows", "--out", "never-4"],
    /^elbow: \S+: expected 3367254359296 bytes [^\n]+, found at most \d+; use an undamaged copy\n$/,
  ],
  "5 GB as the metrics of a run": [
    () => run("metrics", "metrics.jsonl", GOOD.metrics(), 5 * GIB),
    ["train", "--resume", "metrics"],
    /^elbow: metrics\/metrics\.jsonl: expected at most 65536 bytes, found 5368709120; check the path\n$/,
  ],
  "a small gzip bomb": [
    () => dataset("small", `${IMAGES}.gz`, bombOf(3)),
    ["train", "--data", "small", "--out", "never-5"],
    /^elbow: \S+: expected 1584 bytes [^\n]+, found more; use an undamaged copy\n$/,
  ],
  "5 GB of rows": [
    () => dataset("raw", IMAGES, idxOf([2, 28, 28], new Uint8Array(0)), 5 * GIB),
    ["train", "--data", "raw", "--out", "never-6"],
    /^elbow: \S+: expected 1584 bytes [^\n]+, found 5368709120; use an undamaged copy\n$/,
  ],
  "more rows than any memory has": [
    () => dataset("many", IMAGES, idxOf([2 ** 23, 28, 28], new Uint8Array(0)), 16 + 2 ** 23 * 784),
    ["train", "--data", "many", "--out", "never-7"],
    /^elbow: \S+: expected at most 2 GiB of data, found 8388608 × 28 × 28; use a smaller dataset\n$/,
  ],
  "5 GB as a config": [
    () => run("config", "config.json", GOOD.config(), 5 * GIB),
    ["train", "--resume", "config"],
    /^elbow: config\/config\.json: expected at most 65536 bytes, found 5368709120; check the path\n$/,
  ],
  "5 GB as a checkpoint": [
    () => run("checkpoint", "checkpoint.safetensors", GOOD.checkpoint(), 5 * GIB),
    ["train", "--resume", "checkpoint"],
    /^elbow: checkpoint\/checkpoint\.safetensors: expected \d+ bytes of data, [^\n]+\n$/,
  ],
  "a pipe as a config": [
    () => run("piped", "config.json", undefined),
    ["train", "--resume", "piped"],
    /^elbow: piped\/config\.json: expected a regular file, found a pipe; [^\n]+\n$/,
  ],
  "a pipe as a model": [
    () => run("modelled", "model.safetensors", undefined),
    ["evaluate", "modelled"],
    /^elbow: modelled\/model\.safetensors: expected a regular file, found a pipe; [^\n]+\n$/,
  ],
  "5 GB to replace by a trace": [
    () => sparse("old.safetensors", GOOD.model(), 5 * GIB),
    ["trace", "--data", "digits", "-o", "old.safetensors", "--overwrite"],
    /^elbow: old\.safetensors: expected no file or a trace, found another; give another -o\n$/,
  ],
};

/** Images that promise two, and have 16 MB for each member of gzip that follows. */
function bombOf(members: number): Uint8Array {
  const zeros = gzipSync(new Uint8Array(2 ** 24), { level: 9 });
  return Buffer.concat([gzipSync(idxOf([2, 28, 28], new Uint8Array(100))), ...Array(members).fill(zeros)]);
}

const isLong = times(0, 1) === 1;

describe.runIf(onLinux)("the command", () => {
  let empty: Metered;
  beforeAll(async () => {
    empty = await metered(["info", "nowhere"]);
    expect(empty.code).toBe(1);
  });

  test.concurrent.each(Object.entries(CASES).slice(0, times(5, 16)))(
    "%s",
    { timeout: 120_000 },
    async (_, one) => {
      const [make, args, message] = one;
      await make();
      const { code, stdout, stderr, peak, seconds } = await metered(args);
      expect(stderr).toMatch(message);
      expect([code, stdout]).toEqual([1, ""]);
      expect(peak - empty.peak).toBeLessThan(MOST_PEAK);
      expect(seconds - empty.seconds).toBeLessThan(MOST_SECONDS);
    },
  );

  test.runIf(isLong)("a text file is called no safetensors file, by its start", async () => {
    await writeFile(dir.at("README.md"), "# A readme\n");
    const { stderr } = await metered(["info", "README.md"]);
    expect(stderr).toBe(
      "elbow: README.md: expected a safetensors file with at most 524280 bytes of header, found another file; choose a safetensors file\n",
    );
  });

  test.runIf(isLong)("a pipe without a name is read, and Ctrl-C ends waiting for it", async () => {
    await writeFile(dir.at("good"), GOOD.model());
    const [main, ...flags] = [
      join(import.meta.dirname, "../../src/cli/main.ts"),
      "info",
      "/dev/stdin",
      "--json",
    ];
    const given = start("sh", [
      "-c",
      '(sleep 0.2; cat "$0") | "$@"',
      dir.at("good"),
      process.execPath,
      main,
      ...flags,
    ]);
    expect(JSON.parse((await given.end).stdout)).toMatchObject({ config: { hidden: [5] } });
    const silent =
      'sleep 60 | { "$@" & pid=$!; sleep 1; kill -INT $pid; wait $pid; echo "ended $?"; kill $(jobs -p); }';
    const waiting = start("bash", ["-mc", silent, "sh", process.execPath, main, ...flags]);
    expect(await waiting.line(/^ended/)).toBe("ended 130");
    waiting.child.kill("SIGKILL");
  });
});

const KINDS: readonly Kind[] = [
  "model",
  "images",
  "labels",
  "checkpoint",
  "weights",
  "trace",
  "config",
  "metrics",
];

/** In one process each: loading the modules takes longer than most of the files. */
describe.runIf(onLinux)("any of many crafted files", () => {
  test.concurrent.each(KINDS.slice(0, times(2, 8)))("as %s", { timeout: 600_000 }, async (kind) => {
    const script = join(import.meta.dirname, "read-hostile.ts");
    const args = ["--expose-gc", script, dir.at(`crafted-${kind}`), kind, "1312", String(times(25, 1000))];
    const { code, stdout, stderr } = await start(process.execPath, args).end;
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const readings = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Reading);
    expect(readings[0]).not.toHaveProperty("message");
    expect(readings).toHaveLength(times(26, 1001));
    for (const reading of readings) expectBounded(reading);
    const worst = Math.max(...readings.map(({ peak }) => peak));
    console.log(`${kind}: at most ${Math.round(worst / 1e6)} MB above what was resident before`);
  });
});

function expectBounded({ what, bytes, name, message, peak, seconds }: Reading): void {
  const found = `${what}, ${bytes} bytes: ${message}`;
  expect(peak, found).toBeLessThan(MOST_PEAK + (message === undefined ? 2 * bytes : 0));
  expect(seconds, found).toBeLessThan(MOST_SECONDS);
  if (name === undefined) return;
  expect(name, found).toMatch(/^(FormatError|DataError|FileError)$/);
  expect(message, found).toMatch(/^\P{C}{1,600}$/u);
}
