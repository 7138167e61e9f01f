import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { beforeAll, describe, expect, test } from "vitest";
import { drawDigits } from "../../src/data/digits.ts";
import { parseModel, Vae } from "../../src/node.ts";
import { craft } from "../formats/craft.ts";
import { elbow, idx, jsonLines, listing, pngSize, temporaryDirectory, writeDigits } from "./support.ts";

const dir = temporaryDirectory();
const run = (...args: string[]): ReturnType<typeof elbow> => elbow(args, { cwd: dir.path });
const MODEL = "run/model.safetensors";

beforeAll(async () => {
  await writeDigits(dir.at("idx"));
  await run("train", "--data", "idx", "--hidden", "16", "--epochs", "1", "--out", "run");
});

describe.concurrent("what a model is good for", () => {
  test("sample", async () => {
    const [plain, again, other] = await Promise.all([
      run("sample", "run"),
      run("sample", MODEL, "-o", "again.png"),
      run("sample", MODEL, "-n", "16", "--seed", "1", "-o", "other.png"),
    ]);
    expect(plain).toEqual({ code: 0, stdout: "samples.png: 64 samples\n", stderr: "" });
    expect([again!.code, other!.code]).toEqual([0, 0]);
    expect(await pngSize(dir.at("samples.png"))).toEqual([242, 242]);
    expect(await pngSize(dir.at("other.png"))).toEqual([242, 62]);
    const picture = await readFile(dir.at("samples.png"));
    expect(picture.equals(await readFile(dir.at("run", "samples.png")))).toBe(true);
    expect(picture.equals(await readFile(dir.at("again.png")))).toBe(true);
  });

  test("reconstruct and interpolate, on the run's own data", async () => {
    const [pairs, walk] = await Promise.all([
      run("reconstruct", "run", "-o", "pairs.png"),
      run("interpolate", "run", "--from", "3", "--to", "5", "--steps", "7", "-o", "walk.png"),
    ]);
    expect([pairs!.code, walk!.code]).toEqual([0, 0]);
    expect(walk!.stdout).toBe("walk.png: 7 images from test image 3 to 5\n");
    expect(
      (await readFile(dir.at("pairs.png"))).equals(await readFile(dir.at("run", "reconstructions.png"))),
    ).toBe(true);
    expect(await pngSize(dir.at("walk.png"))).toEqual([7 * 30 + 2, 32]);
  });

  test("encode", async () => {
    const [npy, csv] = await Promise.all([
      run("encode", "run", "-o", "codes.npy"),
      run("encode", MODEL, "--data", "idx", "--split", "train", "-o", "codes.csv"),
    ]);
    expect(npy).toEqual({
      code: 0,
      stdout: "codes.npy: latent means of 64 test rows, 2 numbers each\n",
      stderr: "",
    });
    expect((await readFile(dir.at("codes.npy"))).toString("latin1")).toContain("'shape': (64, 2)");
    expect(csv!.code).toBe(0);
    const lines = (await readFile(dir.at("codes.csv"), "utf8")).trimEnd().split("\n");
    expect(lines[0]).toBe("label,mu0,mu1");
    const { labels } = drawDigits(0, 0, 320);
    expect(lines.slice(1).map((line) => Number(line.split(",")[0]))).toEqual([...labels!]);
  });

  test("score", async () => {
    const [csv, npy, evaluated] = await Promise.all([
      run("score", "run"),
      run(
        "score",
        MODEL,
        "--data",
        "idx",
        "--split",
        "train",
        "--samples",
        "3",
        "--seed",
        "5",
        "-o",
        "s.npy",
      ),
      run("evaluate", "run", "--json"),
    ]);
    expect(csv).toMatchObject({ code: 0, stderr: "" });
    const [{ testLoss }] = jsonLines(evaluated!.stdout) as [{ testLoss: number }];
    expect(csv!.stdout).toBe(`scores.csv: negative ELBO of 64 test rows, mean ${testLoss.toFixed(3)} nats\n`);
    const lines = (await readFile(dir.at("scores.csv"), "utf8")).trimEnd().split("\n");
    expect(lines[0]).toBe("label,score");
    const scores = lines.slice(1).map((line) => Number(line.split(",")[1]));
    expect(scores.reduce((sum, score) => sum + score, 0) / 64).toBeCloseTo(testLoss, 9);

    expect(npy!.stdout).toMatch(
      /^s\.npy: negative ELBO of 320 train rows, 3 posterior samples each, mean \d+\.\d{3} nats\n$/,
    );
    const model = parseModel(await readFile(dir.at(MODEL)));
    const vae = await Vae.create(model.config, {
      tensors: model.tensors,
      arithmetic: model.info.arithmetic!,
    });
    const expected = vae.score(drawDigits(0, 0, 320).values, { samples: 3, seed: 5 });
    const file = await readFile(dir.at("s.npy"));
    expect(file.toString("latin1")).toContain("'descr': '<f8', 'fortran_order': False, 'shape': (320,)");
    expect(new Float64Array(new Uint8Array(file.subarray(-320 * 8)).buffer)).toEqual(expected);
  });

  test("info", async () => {
    const [people, programs] = await Promise.all([run("info", "run"), run("info", MODEL, "--json")]);
    expect(people!.stdout).toMatch(/^ {2}layers +784-16-2-16-784, relu, bernoulli$/m);
    expect(people!.stdout).toMatch(/^ {2}fc1\.weight +16 × 784 +12 544$/m);
    expect(people!.stdout).toMatch(/^ {2}checkpoint\.safetensors +[\d ]+ B$/m);
    expect(people!.stdout).toMatch(/^ {2}build +kernels\S*\.wasm$/m);
    for (const line of people!.stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(jsonLines(programs!.stdout)).toMatchObject([{ config: { hidden: [16] }, parameters: 26_004 }]);
  });

  test("evaluate, for people", async () => {
    const { code, stdout } = await run("evaluate", MODEL, "--data", "idx");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^64 test rows of idx, in nats per row:\n {2}negative ELBO +\d+\.\d{3}\n {2}reconstruction +\d/,
    );
  });
});

describe.concurrent("what it is not good for", () => {
  test("data of another width", async () => {
    await mkdir(dir.at("narrow"));
    for (const prefix of ["train", "t10k"]) {
      await writeFile(dir.at("narrow", `${prefix}-images-idx3-ubyte`), idx([2, 2, 2], new Uint8Array(8)));
    }
    const { code, stderr } = await run("evaluate", "run", "--data", "narrow");
    expect(stderr).toMatch(
      /^elbow: \S+narrow: expected rows of 784 numbers as in run\/model.safetensors, found rows of 4; [^\n]+\n$/,
    );
    expect(code).toBe(1);
  });

  test("a model file alone does not know where a directory of data was", async () => {
    await copyFile(dir.at(MODEL), dir.at("moved.safetensors"));
    const { code, stderr } = await run("evaluate", "moved.safetensors");
    expect(stderr).toMatch(
      /^elbow: --data: expected mnist, [^\n]+, for moved.safetensors, which was trained on idx, found nothing\n$/,
    );
    expect(code).toBe(2);
  });

  test("a picture does not replace another kind of file", async () => {
    const before = await readFile(dir.at(MODEL));
    const { code, stderr } = await run("sample", "run", "-o", MODEL);
    expect(stderr).toMatch(
      /^elbow: -o: expected a file name that ends in \.png, found run\/model\.safetensors\n$/,
    );
    expect(code).toBe(2);
    expect((await readFile(dir.at(MODEL))).equals(before)).toBe(true);
  });

  test("an existing file is replaced only when asked", async () => {
    const lines = [
      ["sample", "run", "-o", "kept.png"],
      ["sample", "run", "-o", "Makefile"],
      ["reconstruct", "run", "-o", "kept.png"],
      ["interpolate", "run", "-o", "kept.png"],
      ["encode", "run", "-o", "kept.csv"],
      ["score", "run", "-o", "kept.csv"],
    ];
    for (const name of ["kept.png", "Makefile", "kept.csv"]) await writeFile(dir.at(name), "mine");
    const outcomes = await Promise.all(lines.map((line) => run(...line)));
    for (const [i, { code, stderr }] of outcomes.entries()) {
      const name = lines[i]!.at(-1)!;
      expect(stderr).toBe(
        `elbow: ${name}: expected no file, found one; choose another -o or replace it with --overwrite\n`,
      );
      expect(code).toBe(1);
      expect(await readFile(dir.at(name), "utf8")).toBe("mine");
    }
    expect((await run("sample", "run", "-o", "kept.png", "--overwrite")).code).toBe(0);
    expect((await readFile(dir.at("kept.png"))).toString("latin1", 1, 4)).toBe("PNG");
  });

  test("data that has changed since", async () => {
    await writeDigits(dir.at("shifting"), 40, 20);
    await run("train", "--data", "shifting", "--hidden", "8", "--epochs", "1", "--out", "shifted");
    await writeDigits(dir.at("shifting"), 42, 20);
    const { code, stderr } = await run("evaluate", "shifted");
    expect(stderr).toMatch(
      /expected the data that shifted\/model.safetensors was trained on \(SHA-256 \w+…\), found other data \(SHA-256 \w+…\)/,
    );
    expect(code).toBe(1);
    expect((await run("evaluate", "shifted", "--data", "shifting")).code).toBe(0);
  });

  test("a test image that is not there", async () => {
    const { code, stderr } = await run("interpolate", "run", "--to", "64");
    expect(stderr).toBe("elbow: --to: expected a test image from 0 to 63, found 64\n");
    expect(code).toBe(2);
  });

  test("an output that is a directory, or a full disk", async () => {
    const directory = await run("sample", "run", "-o", "idx");
    expect(directory.stderr).toMatch(
      /^elbow: idx: expected a writable path, found a directory \(EISDIR\); [^\n]+\n$/,
    );
    expect(directory.code).toBe(1);
    if (process.platform !== "linux") return;
    const full = await run("sample", "run", "-o", "/dev/full");
    expect(full.stderr).toMatch(
      /^elbow: \/dev\/full: expected a writable path, found a full disk \(ENOSPC\); [^\n]+\n$/,
    );
    expect(full.code).toBe(1);
  });

  test("rows that are no images", async () => {
    await mkdir(dir.at("table"));
    for (const prefix of ["train", "t10k"]) {
      await writeFile(
        dir.at("table", `${prefix}-images-idx3-ubyte`),
        idx([20, 6], new Uint8Array(120).fill(9)),
      );
    }
    const { code } = await run("train", "--data", "table", "--hidden", "8", "--epochs", "1", "--out", "rows");
    expect(code).toBe(0);
    expect(await listing(dir.at("rows"))).toEqual([
      "checkpoint.safetensors",
      "config.json",
      "metrics.jsonl",
      "model.safetensors",
    ]);
    const sample = await run("sample", "rows", "-o", "never.png");
    expect(sample.stderr).toMatch(
      /^elbow: rows\/model.safetensors: expected a model of grayscale images, found rows of 6 numbers; import it again with --image-shape HEIGHTxWIDTH if its rows are images\n$/,
    );
    expect(sample.code).toBe(1);
  });
});

describe.concurrent("a model file that is not one", () => {
  const config = {
    inputDim: 784,
    hidden: [16],
    latentDim: 2,
    activation: "relu",
    likelihood: "bernoulli",
    seed: 0,
  };
  const header = (changes: object, tensors: object): Record<string, unknown> => ({
    __metadata__: {
      contents: "model",
      formatVersion: "1",
      config: JSON.stringify({ ...config, ...changes }),
    },
    ...tensors,
  });
  const tensor = (shape: number[], bytes: number): object => ({
    dtype: "F32",
    shape,
    data_offsets: [0, bytes],
  });

  test.each([
    [
      "missing tensors",
      header({}, {}),
      [],
      /tensor "fc1\.weight": expected shape \[16, 784\], found no such tensor/,
    ],
    [
      "absurd sizes",
      header({ hidden: [1048576, 1048576] }, { a: tensor([1], 4) }),
      [0, 0, 0, 0],
      /tensor "encoder\.0\.weight": expected shape \[1048576, 784\], found no such tensor/,
    ],
    [
      "absurd shapes",
      header({}, { "fc1.weight": tensor([2 ** 30, 2 ** 30], 4) }),
      [0, 0, 0, 0],
      /shape: expected a size that a file can have|bytes apart/,
    ],
    [
      "a config beyond reason",
      header({ latentDim: 1e300 }, {}),
      [],
      /config\.latentDim: expected a whole number/,
    ],
    ["another program's", { a: tensor([1], 4) }, [0, 0, 0, 0], /expected an Elbow model, found no config/],
  ])("%s", async (name, json, data, message) => {
    const path = `${name.replaceAll(" ", "-")}.safetensors`;
    await writeFile(dir.at(path), craft(json as Record<string, unknown>, data));
    const { code, stderr } = await run("info", path);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^elbow: [^\n]+\n$/);
    expect(code).toBe(1);
  });

  test("truncated, a checkpoint, a directory without a model, nothing at all", async () => {
    const bytes = await readFile(dir.at(MODEL));
    await writeFile(dir.at("cut.safetensors"), bytes.subarray(0, bytes.length / 2));
    const paths = ["cut.safetensors", "run/checkpoint.safetensors", "idx", "nowhere"];
    const outcomes = await Promise.all(paths.map((path) => run("sample", path, "-o", "never.png")));
    const messages = [
      /truncated/,
      /expected a model, found a "checkpoint"/,
      /expected a run directory with model\.safetensors/,
      /expected a readable file, found no such file/,
    ];
    for (const [i, { code, stderr }] of outcomes.entries()) {
      expect(stderr).toMatch(messages[i]!);
      expect(stderr).toMatch(/^elbow: [^\n]+\n$/);
      expect(code).toBe(1);
    }
    expect(await listing(dir.path)).not.toContain("never.png");
  });
});
