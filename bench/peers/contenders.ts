import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { PeerResult } from "../peer-results.ts";

/** A program in one setting, ready to be run. */
export interface Contender {
  readonly name: string;
  readonly data: PeerResult["data"];
  readonly role: PeerResult["role"];
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Field {
  readonly contenders: readonly Contender[];
  readonly skipped: readonly { readonly name: string; readonly install: string }[];
}

/** Steps of an epoch where the whole takes a minute, or minutes. */
const SLOW_STEPS = { wasm: 40, cpu: 3 } as const;

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const python = process.env.PYTHON ?? "python3";
const cores = availableParallelism();
const threadCounts = cores > 1 ? [cores, 1] : [1];

function elbow(nodes: readonly string[]): Contender[] {
  const script = here("elbow.js");
  const own = (["mnist", "dense"] as const).flatMap((data) =>
    threadCounts.map((threads): Contender => {
      const dense = data === "dense" ? ["--dense"] : [];
      const args = [script, "--workers", String(threads), ...dense];
      return { name: "Elbow", data, role: "elbow", command: process.execPath, args };
    }),
  );
  const older = nodes.map((node): Contender => {
    const version = execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
    const args = [script, "--workers", String(cores)];
    return { name: `Elbow, Node ${version}`, data: "mnist", role: "elbow-older-node", command: node, args };
  });
  return [...own, ...older];
}

/** OpenBLAS's threads spin between products, which is its fastest on a machine of its own. */
function threadsEnv(threads: number): Record<string, string> {
  return { OMP_NUM_THREADS: String(threads), OMP_WAIT_POLICY: "active" };
}

function pytorch(devices: readonly string[]): Contender[] {
  const fast = here("pytorch/fast.py");
  const baselines = (["mnist", "dense"] as const).flatMap((data) =>
    threadCounts.map((threads): Contender => {
      const dense = data === "dense" ? ["--dense"] : [];
      const args = [fast, "--threads", String(threads), ...dense];
      return {
        name: "PyTorch, fast",
        data,
        role: "baseline",
        command: python,
        args,
        env: threadsEnv(threads),
      };
    }),
  );
  const peer = (
    name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Contender => ({
    name,
    data: "mnist",
    role: "peer",
    command: python,
    args: [...args, "--threads", String(cores)],
    env: { OMP_NUM_THREADS: String(cores), ...env },
  });
  return [
    ...baselines,
    // how long idle threads spin is a matter of taste, and of who else wants the processor
    ...(cores > 1 ? [peer("PyTorch, fast, default wait", [fast])] : []),
    peer("PyTorch, original program", [here("pytorch/original.py")]),
    ...devices.map((device) => peer(`PyTorch, fast, ${device}`, [fast, "--device", device])),
  ];
}

/** Devices that PyTorch can use besides the processor; undefined where there is no PyTorch. */
function torchDevices(): string[] | undefined {
  const ask = [
    "import torch",
    "mps = getattr(torch.backends, 'mps', None)",
    "print('cuda' if torch.cuda.is_available() else '', 'mps' if mps and mps.is_available() else '')",
  ].join("\n");
  try {
    const answer = execFileSync(python, ["-c", ask], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return answer.trim().split(/\s+/).filter(Boolean);
  } catch {
    return undefined;
  }
}

function javascript(name: string, args: readonly string[]): Contender {
  return { name, data: "mnist", role: "peer", command: process.execPath, args };
}

/** All that this machine can run, and what it cannot. */
export function gather(nodes: readonly string[]): Field {
  const skipped: { name: string; install: string }[] = [];
  const contenders = elbow(nodes);
  const devices = torchDevices();
  if (devices) contenders.push(...pytorch(devices));
  else
    skipped.push({ name: "PyTorch", install: "Debian: apt-get install python3-torch libopenblas0-openmp" });
  const installed = (name: string): boolean => existsSync(here(`node_modules/${name}/package.json`));
  const install = "npm ci --prefix bench/peers";
  if (installed("@jax-js/jax")) contenders.push(javascript("jax-js, wasm", [here("jax.js")]));
  else skipped.push({ name: "jax-js", install });
  if (installed("@tensorflow/tfjs")) {
    for (const backend of ["wasm", "cpu"] as const) {
      const args = [here("tfjs.js"), "--backend", backend, "--steps", String(SLOW_STEPS[backend])];
      contenders.push(javascript(`TensorFlow.js, ${backend}`, args));
    }
  } else {
    skipped.push({ name: "TensorFlow.js", install });
  }
  return { contenders, skipped };
}
