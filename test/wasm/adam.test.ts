import { describe, expect, test } from "vitest";
import { LANES } from "../../src/wasm/kernels.ts";
import { ADAM_DEFAULTS, type AdamSettings, adamStep } from "../reference/adam.ts";
import { UNIT_ROUNDOFF as u } from "../reference/tolerance.ts";
import { adamCoefficients } from "../support/adam.ts";
import { bitsOf, float32, type KernelMemory, openBuilds } from "../support/kernel-memory.ts";
import { uniforms } from "../support/uniforms.ts";

const ROWS = 7;
const COUNT = ROWS * LANES;

/** Moments within this of zero may become zero: half a unit in the last place of the kernel's 2⁻⁹⁰. */
const FADED = 2 ** -113;

/** Gradients of every size that training meets, zeros included. */
function gradientOf(step: number): Float32Array {
  const mantissas = uniforms(step + 10, COUNT);
  return float32(mantissas.map((value, i) => (i % 9 === 0 ? 0 : value * 10 ** ((i % 13) - 9))));
}

interface State {
  readonly w: Float64Array;
  readonly m: Float64Array;
  readonly v: Float64Array;
}

/**
 * How far one step in float32 may be from the exact one, from the same float32 state. Coefficients, products and sums
 * each round once; where the two terms of m cancel, the error of m stays relative to them.
 */
function bounds(before: State, after: State, gradient: Float32Array, step: number, settings: AdamSettings) {
  const { lr, beta1, beta2, eps } = settings;
  const m = after.m.map((_, i) => {
    const terms = beta1 * Math.abs(before.m[i]) + (1 - beta1) * Math.abs(gradient[i]);
    return 6 * u * terms + FADED;
  });
  const v = after.v.map((value) => 8 * u * value + FADED);
  const w = after.w.map((value, i) => {
    const change = Math.abs(value - before.w[i]);
    const divisor = Math.sqrt(after.v[i] / (1 - beta2 ** step)) + eps;
    const perM = lr / (1 - beta1 ** step) / divisor;
    // √v halves v's relative error, and where v faded ε outweighs it
    const faded = (Math.sqrt(FADED) / (eps * Math.sqrt(1 - beta2 ** step))) * change;
    return u * Math.abs(value) + 12 * u * change + perM * m[i] + faded;
  });
  return { w, m, v };
}

function putState(memory: KernelMemory, { w, m, v }: State) {
  return { w: memory.putVector(w), m: memory.putVector(m), v: memory.putVector(v) };
}

function readState(memory: KernelMemory, at: Record<keyof State, number>): State {
  const read = (from: number) => Float64Array.from(memory.floats(from, COUNT));
  return { w: read(at.w), m: read(at.m), v: read(at.v) };
}

const settings: readonly AdamSettings[] = [ADAM_DEFAULTS, { lr: 0.05, beta1: 0.5, beta2: 0.9, eps: 1e-4 }];

describe.each(await openBuilds())("$file", ({ memory }) => {
  test.each(settings)("adamRows, lr $lr, β $beta1 and $beta2, ε $eps", (adam) => {
    memory.reset();
    const zeros = new Float64Array(COUNT);
    const at = putState(memory, { w: uniforms(1, COUNT), m: zeros, v: zeros });
    for (const step of [1, 2, 3, 10, 1000, 100_000]) {
      const before = readState(memory, at);
      const gradient = gradientOf(step);
      const g = memory.putVector(gradient);
      const coefficients = memory.putVector(adamCoefficients(step, adam));
      memory.kernels.adamRows(at.w, at.m, at.v, g, ROWS, coefficients);

      const twin = { w: before.w.slice(), m: before.m.slice(), v: before.v.slice() };
      adamStep(twin.w, twin.m, twin.v, gradient, step, adam);
      const after = readState(memory, at);
      const atol = bounds(before, twin, gradient, step, adam);
      for (const name of ["m", "v", "w"] as const) {
        expect(after[name], `${name} after step ${step}`).toBeAllClose(twin[name], {
          rtol: 0,
          atol: atol[name],
        });
      }
    }
  });

  test("only the rows asked for", () => {
    memory.reset();
    const at = putState(memory, {
      w: uniforms(2, COUNT),
      m: uniforms(3, COUNT),
      v: uniforms(4, COUNT, 0, 1),
    });
    const before = bitsOf(memory.floats(at.w, COUNT));
    const g = memory.putVector(uniforms(5, COUNT));
    memory.kernels.adamRows(at.w, at.m, at.v, g, 3, memory.putVector(adamCoefficients(1)));
    const after = bitsOf(memory.floats(at.w, COUNT));
    for (let i = 0; i < COUNT; i++) expect(after[i] === before[i], `${i}`).toBe(i >= 3 * LANES);
  });

  test("moments fade to zero and never become denormal; zeros of all kinds stay", () => {
    memory.reset();
    const tiny = (value: number) => new Float64Array(COUNT).fill(value);
    const at = putState(memory, { w: tiny(0.5), m: tiny(-3e-36), v: tiny(3e-36) });
    const g = memory.putVector(tiny(0));
    const coefficients = memory.putVector(adamCoefficients(50));
    memory.kernels.adamRows(at.w, at.m, at.v, g, ROWS, coefficients);
    const { w, m, v } = readState(memory, at);
    expect(m.every((value) => value === 0)).toBe(true);
    expect(v.every((value) => value === 0)).toBe(true);
    expect(w.every((value) => value === 0.5)).toBe(true);
    memory.kernels.adamRows(at.w, at.m, at.v, g, ROWS, coefficients);
    expect(readState(memory, at)).toEqual({ w, m, v });
  });

  test("a gradient that is no number shows in the weight, and in no other", () => {
    memory.reset();
    const gradient = new Float64Array(COUNT).fill(0.25);
    gradient[5] = Number.NaN;
    gradient[20] = Number.POSITIVE_INFINITY;
    const zeros = new Float64Array(COUNT);
    const at = putState(memory, { w: zeros, m: zeros, v: zeros });
    const g = memory.putVector(gradient);
    memory.kernels.adamRows(at.w, at.m, at.v, g, ROWS, memory.putVector(adamCoefficients(1)));
    const { w } = readState(memory, at);
    expect([...w].flatMap((value, i) => (Number.isFinite(value) ? [] : [i]))).toEqual([5, 20]);
  });
});
