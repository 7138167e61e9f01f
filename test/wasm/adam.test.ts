import { describe, expect, test } from "vitest";
import { LANES } from "../../src/wasm/layout.ts";
import { checkCase } from "../cases/case.ts";
import { adam, type State, stateInARun } from "../cases/updates.ts";
import { ADAM_DEFAULTS, type AdamSettings } from "../reference/adam.ts";
import type { Numbers } from "../reference/matmul.ts";
import { adamCoefficients } from "../support/adam.ts";
import { bitsOf, float32, openBuilds } from "../support/kernel-memory.ts";
import { uniforms } from "../support/uniforms.ts";

const ROWS = 7;
const COUNT = ROWS * LANES;

/** Gradients of every size that training meets, zeros included. */
function gradientOf(step: number): Float32Array {
  const mantissas = uniforms(step + 10, COUNT);
  return float32(mantissas.map((value, i) => (i % 9 === 0 ? 0 : value * 10 ** ((i % 13) - 9))));
}

const settings: readonly AdamSettings[] = [ADAM_DEFAULTS, { lr: 0.05, beta1: 0.5, beta2: 0.9, eps: 1e-4 }];

describe.each(await openBuilds())("$file", ({ memory }) => {
  test.each(settings)("adamRows, lr $lr, β $beta1 and $beta2, ε $eps", (settings) => {
    const zeros = new Float32Array(COUNT);
    let before: State = { w: float32(uniforms(1, COUNT)), m: zeros, v: zeros };
    for (const step of [1, 2, 3, 10, 1000, 100_000]) {
      const operands = { before, gradient: gradientOf(step), step: { step, settings } };
      const [w, m, v] = checkCase(memory, adam(ROWS, operands));
      before = { w: w.found, m: m.found, v: v.found };
    }
  });

  /** One call on the first rows of a state. */
  function update(state: State, gradient: Numbers, rows: number, step = 1) {
    memory.reset();
    const [w, m, v, g] = [state.w, state.m, state.v, gradient].map((values) => memory.putVector(values));
    const run = () => memory.exports.adamRows(w, m, v, g, rows, coefficients);
    const coefficients = memory.putVector(adamCoefficients(step));
    run();
    const read = () => ({
      w: memory.floats(w, COUNT),
      m: memory.floats(m, COUNT),
      v: memory.floats(v, COUNT),
    });
    return { run, read };
  }

  test("only the rows asked for", () => {
    const state = stateInARun(COUNT);
    const before = bitsOf(state.w);
    const after = bitsOf(update(state, uniforms(5, COUNT), 3).read().w);
    for (let i = 0; i < COUNT; i++) expect(after[i] === before[i], `${i}`).toBe(i >= 3 * LANES);
  });

  test("moments fade to zero and never become denormal; zeros of all kinds stay", () => {
    const all = (value: number) => new Float64Array(COUNT).fill(value);
    const { run, read } = update({ w: all(0.5), m: all(-3e-36), v: all(3e-36) }, all(0), ROWS, 50);
    for (let i = 0; i < 2; i++) {
      const { w, m, v } = read();
      expect(m.every((value) => value === 0)).toBe(true);
      expect(v.every((value) => value === 0)).toBe(true);
      expect(w.every((value) => value === 0.5)).toBe(true);
      run();
    }
  });

  test("a gradient that is no number shows in the weight, and in no other", () => {
    const gradient = new Float64Array(COUNT).fill(0.25);
    gradient[5] = Number.NaN;
    gradient[20] = Number.POSITIVE_INFINITY;
    const zeros = new Float64Array(COUNT);
    const { w } = update({ w: zeros, m: zeros, v: zeros }, gradient, ROWS).read();
    expect([...w].flatMap((value, i) => (Number.isFinite(value) ? [] : [i]))).toEqual([5, 20]);
  });
});
