import { describe, expect, test } from "vitest";
import { checkCase } from "../cases/case.ts";
import { GREATEST_ERROR } from "../cases/errors.ts";
import { normal } from "../cases/random.ts";
import { sigmoid, siluBackward } from "../reference/activation.ts";
import type { Numbers } from "../reference/matmul.ts";
import { float32, type KernelMemory, openBuilds } from "../support/kernel-memory.ts";

/** The elementary functions inside the kernels, each through a kernel whose other operations are exact. */

const POINTS = 20_000;

/** Points that fall anywhere between representable landmarks. */
function grid(from: number, to: number): Float32Array {
  return float32(Array.from({ length: POINTS }, (_, i) => from + ((to - from) * (i + 0.37)) / POINTS));
}

interface Errors {
  absolute: number;
  relative: number;
}

function greatestErrors(actual: Numbers, expected: Numbers): Errors {
  const greatest = { absolute: 0, relative: 0 };
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    // a NaN must not pass unseen, as it would through Math.max
    if (!(error <= greatest.absolute)) greatest.absolute = error;
    const relative = error / Math.abs(expected[i]);
    if (!(relative <= greatest.relative)) greatest.relative = relative;
  }
  return greatest;
}

/** z = 0 + exp(½·logvar)·1 */
function exp(memory: KernelMemory, x: Float32Array): Float32Array {
  const row = (values: Float32Array) => memory.put(values, 1, x.length, 0);
  const z = row(x);
  const latent = {
    z,
    mu: row(x.map(() => 0)),
    logvar: row(x.map((value) => 2 * value)),
    eps: row(x.map(() => 1)),
  };
  memory.kernels().reparameterize(latent, [0, 1]);
  return memory.read(z);
}

/** y = tanh(x·1 + 0) */
function tanh(memory: KernelMemory, x: Float32Array): Float32Array {
  const inputs = memory.put(x, x.length, 1, 0);
  const y = memory.room(x.length, 1, 0);
  memory.kernels().linear(y, inputs, memory.putWeights([1], [0], 1, 1), [0, x.length], "tanh");
  return memory.read(y);
}

function sigmoidOf(memory: KernelMemory, x: Float32Array): Float32Array {
  const out = memory.put(x, 1, x.length, 0);
  memory.kernels().sigmoid(out, [0, 1]);
  return memory.read(out);
}

function silu(memory: KernelMemory, x: Float32Array): Float32Array {
  const out = memory.put(x, 1, x.length, 0);
  memory.kernels().elementwise("silu", out, out, [0, 1]);
  return memory.read(out);
}

function siluSlope(memory: KernelMemory, x: Float32Array): Float32Array {
  const [dy, input] = [x.map(() => 1), x].map((values) => memory.put(values, 1, x.length, 0));
  memory.kernels().elementwise("siluBackward", dy, input, [0, 1]);
  return memory.read(dy);
}

/** The loss of a single logit s ≤ 0 against x = 0 is log(1 + exp(s)). */
function softplus(memory: KernelMemory, s: Float32Array): Float64Array {
  const rows = s.length;
  const out = memory.put(s, rows, 1, 0);
  const x = memory.put(new Float32Array(rows), rows, 1, 0);
  const room = memory.lossRoom([0, rows]);
  memory.kernels().loss("bernoulli", out, x, 1, [0, rows], room);
  return memory.doubles(room.loss, rows).slice();
}

type Evaluate = (memory: KernelMemory, x: Float32Array) => Numbers;

interface Case {
  readonly name: string;
  readonly evaluate: Evaluate;
  readonly twin: (x: number) => number;
  readonly from: number;
  readonly to: number;
  readonly bound: Partial<Errors>;
}

const onExp = { name: "exp", evaluate: exp, twin: Math.exp };
const onSigmoid = { name: "sigmoid", evaluate: sigmoidOf, twin: sigmoid };
const onSilu = { name: "silu", evaluate: silu, twin: (x: number) => x * sigmoid(x) };
const onSlope = { name: "silu′", evaluate: siluSlope, twin: (x: number) => siluBackward([1], [x])[0] };
const onTanh = { name: "tanh", evaluate: tanh, twin: Math.tanh };
const onSoftplus = { name: "softplus", evaluate: softplus, twin: (s: number) => Math.log1p(Math.exp(s)) };
const tanhBound = { absolute: GREATEST_ERROR.tanh, relative: GREATEST_ERROR.tanhRelative };

const cases: readonly Case[] = [
  { ...onExp, from: -1, to: 1, bound: { relative: GREATEST_ERROR.exp } },
  { ...onExp, from: -87, to: 88.7, bound: { relative: GREATEST_ERROR.exp } },
  { ...onExp, from: -110, to: -87, bound: { absolute: GREATEST_ERROR.expSubnormal } },
  { ...onSigmoid, from: -1, to: 1, bound: { relative: GREATEST_ERROR.sigmoid } },
  { ...onSigmoid, from: -87, to: 87, bound: { relative: GREATEST_ERROR.sigmoid } },
  { ...onSigmoid, from: -200, to: -87, bound: { absolute: GREATEST_ERROR.sigmoidFarLeft } },
  { ...onSigmoid, from: 87, to: 200, bound: { absolute: 0 } },
  { ...onSilu, from: -1, to: 1, bound: { relative: GREATEST_ERROR.silu } },
  { ...onSilu, from: -87, to: 87, bound: { relative: GREATEST_ERROR.silu } },
  { ...onSilu, from: -3e38, to: -87, bound: { absolute: GREATEST_ERROR.siluFarLeft } },
  { ...onSilu, from: 87, to: 3e38, bound: { absolute: 0 } },
  { ...onSlope, from: -3, to: 3, bound: { absolute: GREATEST_ERROR.siluSlope } },
  { ...onSlope, from: -87, to: -3, bound: { relative: GREATEST_ERROR.siluSlopeLeft } },
  { ...onSlope, from: -3e38, to: -87, bound: { absolute: GREATEST_ERROR.siluFarLeft } },
  { ...onSlope, from: 3, to: 200, bound: { absolute: GREATEST_ERROR.siluSlope } },
  { ...onSlope, from: 200, to: 3e38, bound: { absolute: 0 } },
  { ...onTanh, from: -1e-3, to: 1e-3, bound: tanhBound },
  { ...onTanh, from: 0.6, to: 0.65, bound: tanhBound },
  { ...onTanh, from: -2, to: 2, bound: tanhBound },
  { ...onTanh, from: -100, to: 100, bound: tanhBound },
  { ...onSoftplus, from: -2, to: 0, bound: { absolute: GREATEST_ERROR.softplus } },
  { ...onSoftplus, from: -100, to: 0, bound: { absolute: GREATEST_ERROR.softplus } },
];

describe.each(await openBuilds())("$file", ({ memory }) => {
  test.each(cases)("$name over [$from, $to]", ({ evaluate, twin, from, to, bound }) => {
    memory.reset();
    const x = grid(from, to);
    const expected = Float64Array.from(x, (value) => twin(value));
    const { absolute, relative } = greatestErrors(evaluate(memory, x), expected);
    if (bound.absolute !== undefined) expect(absolute).toBeLessThanOrEqual(bound.absolute);
    if (bound.relative !== undefined) expect(relative).toBeLessThanOrEqual(bound.relative);
  });

  test("normals against float64", () => {
    checkCase(memory, normal(2000, 33));
  });
});
