import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { serializeSafetensors } from "../../src/codecs/safetensors.ts";
import { parseModel, Vae } from "../../src/node.ts";
import { elbow, jsonLines, listing, temporaryDirectory, writeDigits } from "./support.ts";

const dir = temporaryDirectory();
const run = (...args: string[]): ReturnType<typeof elbow> => elbow(args, { cwd: dir.path });

beforeAll(async () => {
  const vae = await Vae.create({ inputDim: 784, hidden: [12], latentDim: 3, seed: 8 });
  await writeFile(dir.at("weights.safetensors"), serializeSafetensors(vae.tensors(), { format: "pt" }));
});

describe.concurrent("elbow import", () => {
  test("makes a model that all commands take", async () => {
    await writeDigits(dir.at("idx"), 32, 16);
    const { code, stdout, stderr } = await run(
      ...["import", "weights.safetensors", "--image-shape", "28x28", "--latent", "3", "-o", "models/mine"],
    );
    expect(stderr).toBe("");
    expect(stdout).toBe(
      "models/mine/model.safetensors: 784-12-3-12-784, relu, bernoulli, 19 738 parameters\n",
    );
    expect(code).toBe(0);
    expect(await listing(dir.at("models", "mine"))).toEqual(["model.safetensors"]);
    const [info, sample, evaluate] = await Promise.all([
      run("info", "models/mine", "--json"),
      run("sample", "models/mine/model.safetensors", "-n", "4"),
      run("evaluate", "models/mine", "--data", "idx", "--json"),
    ]);
    expect(jsonLines(info!.stdout)).toMatchObject([
      { config: { inputShape: [28, 28, 1], hidden: [12], latentDim: 3, seed: 0 } },
    ]);
    expect([sample!.code, sample!.stderr]).toEqual([0, ""]);
    expect([evaluate!.code, evaluate!.stderr]).toEqual([0, ""]);
  });

  test("takes what the weights do not tell", async () => {
    const { code } = await run(
      ...["import", "weights.safetensors", "--activation", "tanh", "--likelihood", "gaussian", "--seed", "4"],
      ...["-o", "other.safetensors"],
    );
    expect(code).toBe(0);
    const { config } = parseModel(await readFile(dir.at("other.safetensors")));
    expect(config).toEqual({
      ...{ inputDim: 784, inputShape: [784], hidden: [12], latentDim: 3 },
      ...{ activation: "tanh", likelihood: "gaussian", seed: 4 },
    });
  });

  test("replaces nothing unasked", async () => {
    await mkdir(dir.at("full"));
    await writeFile(dir.at("full", "model.safetensors"), "mine");
    const refused = await run("import", "weights.safetensors", "-o", "full");
    expect(refused.stderr).toBe(
      "elbow: full/model.safetensors: expected no file, found one; choose another -o or replace it with --overwrite\n",
    );
    expect(refused.code).toBe(1);
    expect(await readFile(dir.at("full", "model.safetensors"), "utf8")).toBe("mine");
    expect((await run("import", "weights.safetensors", "-o", "full", "--overwrite")).code).toBe(0);
    expect(parseModel(await readFile(dir.at("full", "model.safetensors"))).config.hidden).toEqual([12]);
  });

  test.each([[[]], [["--overwrite"]]])("leaves a run as its training left it, %j", async (flags) => {
    const name = `run${flags.length}`;
    await mkdir(dir.at(name));
    await writeFile(dir.at(name, "config.json"), "{}");
    await writeFile(dir.at(name, "model.safetensors"), "trained");
    for (const output of [name, `${name}/model.safetensors`]) {
      const { code, stderr } = await run("import", "weights.safetensors", "-o", output, ...flags);
      expect(stderr).toBe(
        `elbow: ${name}/model.safetensors: expected a place outside a run, found ${name}/config.json; give another -o\n`,
      );
      expect(code).toBe(1);
    }
    expect(await readFile(dir.at(name, "model.safetensors"), "utf8")).toBe("trained");
    const beside = await run("import", "weights.safetensors", "-o", `${name}/other.safetensors`);
    expect([beside.code, beside.stderr]).toEqual([0, ""]);
  });

  test("takes a name in capitals for a file's", async () => {
    await copyFile(dir.at("weights.safetensors"), dir.at("IN.SAFETENSORS"));
    expect((await run("import", "IN.SAFETENSORS", "-o", "OUT.SAFETENSORS")).code).toBe(0);
    expect(parseModel(await readFile(dir.at("OUT.SAFETENSORS"))).config.hidden).toEqual([12]);
  });

  test.each([
    [
      ["--hidden", "13"],
      2,
      /hidden: expected 12, as the shapes in weights\.safetensors have, found 13; use that/,
    ],
    [
      ["--image-shape", "28x27"],
      2,
      /--image-shape: expected .* with inputDim \(784\) as their product, found \[28, 27, 1\]/,
    ],
  ])("says what does not fit, %j", async (flags, exit, message) => {
    const { code, stderr } = await run("import", "weights.safetensors", ...flags, "-o", "never.safetensors");
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^elbow: [^\n]+\n$/);
    expect(code).toBe(exit);
    expect(await listing(dir.path)).not.toContain("never.safetensors");
  });

  test("says what is no file of weights", async () => {
    await writeFile(dir.at("weights.pt"), "PK\u0003\u0004 and what else torch.save writes");
    const { code, stderr } = await run("import", "weights.pt", "-o", "never.safetensors");
    expect(stderr).toMatch(/^elbow: weights\.pt: [^\n]+; choose a safetensors file\n$/);
    expect(code).toBe(1);
  });
});
