/** What replay_pytorch.py prints of a hostile trace, with a stand-in for PyTorch that has nothing to compute with. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { serializeSafetensors } from "../../src/codecs/safetensors.ts";
import { ROOT, temporaryDirectory } from "../cli/support.ts";

const run = promisify(execFile);
const hasPython = await run("python3", ["-c", ""]).then(
  () => true,
  () => false,
);

const TORCH = `
class Tensor:
    dtype = None
    def __getattr__(self, name): return lambda *_: self
    def __truediv__(self, _): return self
    def split(self, _): return [self]
    def tolist(self): return [1]
uint8 = float32 = float64 = int32 = None
device = frombuffer = lambda *_, **__: Tensor()
`;
const NN = `
class Module: pass
`;

const dir = temporaryDirectory();
beforeAll(async () => {
  await mkdir(dir.at("torch"));
  await writeFile(dir.at("torch", "__init__.py"), TORCH);
  await writeFile(dir.at("torch", "nn.py"), NN);
});

const HOSTILE = "\u001b[2J\u0007\u009b1m";
const SHOWN = "\\u{1b}[2J\\u{7}\\u{9b}1m";
const CONFIG = { inputDim: 1, hidden: [HOSTILE], latentDim: 1, activation: HOSTILE, likelihood: "bernoulli" };

async function replay(changes: Record<string, string>): Promise<{ stdout: string; stderr: string }> {
  const names = ["batch_sizes", "rows", "noise", "x", "reconstruction", "kl", "seconds"];
  const metadata = {
    ...{
      contents: "trace",
      formatVersion: "2",
      config: JSON.stringify(CONFIG),
      adam: "{}",
      learningRate: "1",
    },
    ...changes,
  };
  const tensors = names.map((name) => ({ name: `trace.${name}`, shape: [1], data: new Float32Array(1) }));
  await writeFile(dir.at("trace.safetensors"), serializeSafetensors(tensors, metadata));
  const PYTHONPATH = [dir.path, process.env.PYTHONPATH ?? ""].join(delimiter);
  const env = { ...process.env, PYTHONPATH, PYTHONIOENCODING: "utf-8" };
  const failed = (error: { stdout: string; stderr: string }) => error;
  return run("python3", [join(ROOT, "compare/replay_pytorch.py"), "trace.safetensors"], {
    cwd: dir.path,
    env,
  }).catch(failed);
}

test.skipIf(!hasPython)("names and settings of a trace are escaped", async () => {
  const { stdout } = await replay({ dataset: HOSTILE });
  expect(stdout.split("\n")[0]).toBe(`1-${SHOWN}-1-${SHOWN}-1, ${SHOWN}, bernoulli, ${SHOWN}`);
});

test.skipIf(!hasPython)("and in errors", async () => {
  const { stderr } = await replay({ contents: HOSTILE });
  expect(stderr).toBe(
    `replay_pytorch.py: trace.safetensors: expected a trace (elbow trace), found ${SHOWN}\n`,
  );
});
