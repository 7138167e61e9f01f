import { describe, expect, test } from "vitest";
import { elbow, listing, temporaryDirectory } from "./support.ts";

const dir = temporaryDirectory();

describe.concurrent("a wrong command line", () => {
  test.each([
    ["train --batch-size 0", "--batch-size: expected a whole number from 1 to 65536, found 0"],
    ["train --latent -1", "--latent: expected a whole number from 1 to 1048576, found -1"],
    ["train --lr nan", "--lr: expected a number above 0, found nan"],
    ["train --lr 0", "--lr: expected a number above 0, found 0"],
    ["train --workers 0", "--workers: expected a whole number from 1 to 256, found 0"],
    ["train --epochs 1.5", "--epochs: expected a whole number from 1 to 1000000, found 1.5"],
    ["train --hidden 400,x", "--hidden: expected 1 to 64 whole numbers from 1 to 1048576, found 400,x"],
    ["train --activation gelu", "--activation: expected relu, tanh or silu, found gelu"],
    ["train --likelihood poisson", "--likelihood: expected bernoulli or gaussian, found poisson"],
    ["train --seed -3", "--seed: expected a whole number from 0 to 9007199254740991, found -3"],
    [
      "train --bath-size 3",
      "unknown option '--bath-size' (Did you mean --batch-size?); see elbow train --help",
    ],
    ["train mnist", "too many arguments for 'train'. Expected 0 arguments but got 1; see elbow train --help"],
    ["train --epochs", "option '--epochs <n>' argument missing; see elbow train --help"],
    [
      "train --resume a --overwrite",
      "option '--resume <dir>' cannot be used with option '--overwrite'; see elbow train --help",
    ],
    ["tran", "unknown command 'tran' (Did you mean train?); see elbow --help"],
    ["info", "missing required argument 'model'; see elbow info --help"],
    ["sample m -n 0", "-n: expected a whole number from 1 to 10000, found 0"],
    ["interpolate m --steps 1", "--steps: expected a whole number from 2 to 1000, found 1"],
    ["interpolate m --from -1", "--from: expected a whole number, counted from 0, found -1"],
    ["encode m --split valid", "--split: expected test or train, found valid"],
    ["init deno x", "<kind>: expected worker, vite or node, found deno"],
    ["score m --samples 0", "--samples: expected a whole number from 1 to 65536, found 0"],
    ["score m -o scores.json", "-o: expected a file name that ends in .npy or .csv, found scores.json"],
    ["import w --image-shape 28", "--image-shape: expected a height and a width, such as 28x28, found 28"],
    ["export m", "required option '--onnx <dir>' not specified; see elbow export --help"],
    ["import", "missing required argument 'weights'; see elbow import --help"],
    ["trace --steps 0", "--steps: expected a whole number from 1 to 1000000, found 0"],
    ["trace -o trace.bin", "-o: expected a file name that ends in .safetensors, found trace.bin"],
    ["trace --epochs 2", "unknown option '--epochs'; see elbow trace --help"],
    // what a shell makes of a variable that is not set
    ["train --out ", "--out: expected a path, found an empty text"],
    ["train --data ", "--data: expected a path, found an empty text"],
    ["train --data-dir ", "--data-dir: expected a path, found an empty text"],
    ["train --resume ", "--resume: expected a path, found an empty text"],
    ["train --out=\t", "--out: expected a path, found blanks"],
    ["evaluate ", "<model>: expected a path, found an empty text"],
    ["sample m -o ", "-o: expected a path, found an empty text"],
    ["import ", "<weights>: expected a path, found an empty text"],
    ["export m --onnx ", "--onnx: expected a path, found an empty text"],
    ["init node ", "<name>: expected a path, found an empty text"],
    ["init node x --model ", "--model: expected a path, found an empty text"],
    ["encode m -o codes.txt", "-o: expected a file name that ends in .npy or .csv, found codes.txt"],
  ])("elbow %s", async (line, message) => {
    const { code, stdout, stderr } = await elbow(line.split(" "), { cwd: dir.path });
    expect(stderr).toBe(`elbow: ${message}\n`);
    expect(code).toBe(2);
    expect(stdout).toBe("");
  });

  test("elbow alone shows the help", async () => {
    const { code, stderr } = await elbow([], { cwd: dir.path });
    expect(stderr).toMatch(/^Usage: elbow/);
    expect(stderr).not.toContain("elbow:");
    expect(code).toBe(2);
  });

  test.each([
    [
      "fast",
      "expected words of relaxed, simd, 6x16, 4x16, 6x8, 4x8, 128, 256 (with commas between), found fast",
    ],
    ["simd,relaxed", "expected at most one arithmetic, one tile and one width, found simd,relaxed"],
  ])("ELBOW_KERNELS=%s", async (asked, message) => {
    const { code, stderr } = await elbow(["train", "--data", "digits"], {
      cwd: dir.path,
      env: { ELBOW_KERNELS: asked },
    });
    expect(stderr).toBe(`elbow: ELBOW_KERNELS: ${message}\n`);
    expect(code).toBe(2);
  });

  test.each([
    "train",
    "evaluate",
    "sample",
    "reconstruct",
    "interpolate",
    "encode",
    "score",
    "import",
    "export",
    "trace",
    "info",
    "init",
  ])("elbow %s --help has examples and fits 80 columns", async (command) => {
    const { code, stdout } = await elbow([command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: elbow ${command}`);
    expect(stdout).toContain(`Examples:\n  elbow ${command}`);
    for (const line of stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  });
});

test("nothing of it left a file", async () => {
  expect(await listing(dir.path)).toEqual([]);
});
