import { describe, expect, test } from "vitest";
import { GREATEST_ERROR } from "../cases/errors.ts";
import { klBackward, klForward, sampleBackward, sampleForward } from "../reference/latent.ts";
import type { Numbers } from "../reference/matmul.ts";
import { UNIT_ROUNDOFF as u } from "../reference/tolerance.ts";
import { float32, type KernelMemory, openBuilds, type Panels, rowsOf } from "../support/kernel-memory.ts";
import { uniforms } from "../support/uniforms.ts";
import { EDGES } from "./shapes.ts";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

const MARGIN = 2;
const SIZES = [...EDGES.map((rows) => [rows, 18] as const), ...EDGES.map((dim) => [5, dim] as const)];

/** Subnormal products lose up to this much. */
const SMALLEST = 2 ** -149;

function operandsOf(rows: number, dim: number) {
  const draw = (seed: number, size: number) =>
    float32(uniforms(seed + rows * 41 + dim, rows * dim, -size, size));
  return { mu: draw(1, 3), logvar: draw(2, 12), eps: draw(3, 5), dz: draw(4, 2) };
}

/** The middle rows of a larger matrix. */
function put(memory: KernelMemory, values: Numbers, rows: number, dim: number): Panels {
  const own = rowsOf(memory.room(rows + 2 * MARGIN, dim), MARGIN, rows);
  memory.write(own, values);
  return own;
}

function room(memory: KernelMemory, rows: number, dim: number): readonly [whole: Panels, own: Panels] {
  const whole = memory.room(rows + 2 * MARGIN, dim);
  return [whole, rowsOf(whole, MARGIN, rows)];
}

describe.each(await openBuilds())("$file", ({ memory }) => {
  function reparameterize(mu: Numbers, logvar: Numbers, eps: Numbers, rows: number, dim: number) {
    memory.reset();
    const [m, l, e] = [mu, logvar, eps].map((values) => put(memory, values, rows, dim));
    const [whole, z] = room(memory, rows, dim);
    memory.kernels.reparameterize(z.at, m.at, l.at, e.at, z.stride, rows, z.panels);
    expect(memory.strays(whole, MARGIN, rows)).toBe(0);
    return z;
  }

  function kl(mu: Numbers, logvar: Numbers, rows: number, dim: number): Float64Array {
    memory.reset();
    const [m, l] = [mu, logvar].map((values) => put(memory, values, rows, dim));
    const loss = memory.allocate((rows + 1) * 8);
    const canary = memory.words(loss + rows * 8, 2).slice();
    memory.kernels.kl(loss, m.at, l.at, m.stride, rows, m.panels);
    expect(memory.words(loss + rows * 8, 2)).toEqual(canary);
    return memory.doubles(loss, rows).slice();
  }

  function latentBackward(
    [dz, mu, logvar, eps]: readonly Numbers[],
    rows: number,
    dim: number,
  ): readonly [dmu: Panels, dlogvar: Panels] {
    memory.reset();
    const [d, m, l, e] = [dz, mu, logvar, eps].map((values) => put(memory, values, rows, dim));
    const [wholeMu, dmu] = room(memory, rows, dim);
    const [wholeLogvar, dlogvar] = room(memory, rows, dim);
    const { stride, panels } = dmu;
    memory.kernels.latentBackward(dmu.at, dlogvar.at, d.at, m.at, l.at, e.at, stride, rows, panels);
    expect(memory.strays(wholeMu, MARGIN, rows) + memory.strays(wholeLogvar, MARGIN, rows)).toBe(0);
    return [dmu, dlogvar];
  }

  test.each(SIZES)("reparameterize, %i rows of %i", (rows, dim) => {
    const { mu, logvar, eps } = operandsOf(rows, dim);
    const z = reparameterize(mu, logvar, eps, rows, dim);
    const expected = sampleForward(mu, logvar, eps);
    const atol = expected.map((value, i) => {
      const noise = Math.abs(Math.exp(0.5 * logvar[i]) * eps[i]);
      return (GREATEST_ERROR.exp + 2 * u) * noise + u * Math.abs(value) + SMALLEST;
    });
    expect(memory.get(z)).toBeAllClose(expected, { rtol: 0, atol, shape: [rows, dim] });
    expect(memory.padding(z).every((value) => value === 0)).toBe(true);
  });

  test.each(SIZES)("kl, %i rows of %i", (rows, dim) => {
    const { mu, logvar } = operandsOf(rows, dim);
    const sizes = klForward(
      mu,
      logvar.map(() => 0),
      rows,
      dim,
    );
    const atol = sizes.map((squares, r) => {
      // every term rounds a few times, and its parts cancel
      let terms = 2 * squares;
      for (const value of logvar.subarray(r * dim, (r + 1) * dim)) {
        terms += Math.exp(value) + 1 + Math.abs(value);
      }
      return 0.5 * (GREATEST_ERROR.exp + 4 * u) * terms;
    });
    expect(kl(mu, logvar, rows, dim)).toBeAllClose(klForward(mu, logvar, rows, dim), { rtol: 0, atol });
  });

  test("kl of the prior itself is exactly zero", () => {
    expect([...kl(new Float32Array(33), new Float32Array(33), 3, 11)]).toEqual([0, 0, 0]);
  });

  test.each(SIZES)("latentBackward, %i rows of %i", (rows, dim) => {
    const { dz, mu, logvar, eps } = operandsOf(rows, dim);
    const [dmu, dlogvar] = latentBackward([dz, mu, logvar, eps], rows, dim);
    const [sample, divergence] = [sampleBackward(dz, logvar, eps), klBackward(mu, logvar)];
    const expectedMu = sample.dmu.map((value, i) => value + divergence.dmu[i]);
    const expectedLogvar = sample.dlogvar.map((value, i) => value + divergence.dlogvar[i]);
    const atol = expectedLogvar.map((value, i) => {
      const variance = 0.5 * Math.exp(logvar[i]);
      const noise = Math.abs(sample.dlogvar[i]);
      return (GREATEST_ERROR.exp + 4 * u) * (noise + variance) + 2 * u * Math.abs(value) + u + SMALLEST;
    });
    expect(memory.get(dmu)).toBeAllClose(expectedMu, { rtol: u, atol: 0, shape: [rows, dim] });
    expect(memory.get(dlogvar)).toBeAllClose(expectedLogvar, { rtol: 0, atol, shape: [rows, dim] });
    for (const matrix of [dmu, dlogvar]) {
      expect(memory.padding(matrix).every((value) => value === 0)).toBe(true);
    }
  });

  test("what is not finite, as the twins have it", () => {
    const mu = [nan, 1, 1, 1, infinity, 1, 1];
    const logvar = [0, nan, infinity, -infinity, 0, 200, -200];
    const eps = [1, 1, -1, 1, 1, 1, 1];
    const dz = [1, 1, 1, 1, 1, 1, nan];
    const loose = { rtol: 1e-6, atol: 1e-6 };
    expect(memory.get(reparameterize(mu, logvar, eps, 7, 1))).toBeAllClose(
      // float32 ends long before exp(100)
      sampleForward(mu, logvar, eps).map(Math.fround),
      loose,
    );
    const expected = klForward(mu, logvar, 7, 1);
    expected[5] = infinity;
    expect(kl(mu, logvar, 7, 1)).toBeAllClose(expected, loose);
    const [dmu, dlogvar] = latentBackward([dz, mu, logvar, eps], 7, 1);
    expect(memory.get(dmu)).toBeAllClose([nan, 2, 2, 2, infinity, 2, nan], loose);
    const slopes = memory.get(dlogvar);
    expect([...slopes].map(Number.isFinite)).toEqual([true, false, false, true, true, false, false]);
    expect(slopes[1]).toBeNaN();
    expect(slopes[6]).toBeNaN();
  });
});
