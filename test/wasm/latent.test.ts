import { describe, expect, test } from "vitest";
import { checkCase, outputsOf } from "../cases/case.ts";
import { kl, latentBackward, latentOperands, reparameterize } from "../cases/latent.ts";
import { klForward, sampleForward } from "../reference/latent.ts";
import { EXACT } from "../support/closeness.ts";
import { openBuilds } from "../support/kernel-memory.ts";
import { EDGES } from "./shapes.ts";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

const SIZES = [...EDGES.map((rows) => [rows, 18] as const), ...EDGES.map((dim) => [5, dim] as const)];

describe.each(await openBuilds())("$file", ({ memory }) => {
  describe.each([reparameterize, kl, latentBackward])("$name", (caseOf) => {
    test.each(SIZES)("%i rows of %i", (rows, dim) => {
      checkCase(memory, caseOf(rows, dim));
    });
  });

  test("kl of the prior itself is exactly zero", () => {
    const [mu, logvar] = [new Float32Array(33), new Float32Array(33)];
    checkCase(memory, kl(3, 11, { ...latentOperands(3, 11), mu, logvar }), "4x8", EXACT);
  });

  test("what is not finite, as the twins have it", () => {
    const mu = [nan, 1, 1, 1, infinity, 1, 1];
    const logvar = [0, nan, infinity, -infinity, 0, 200, -200];
    const eps = [1, 1, -1, 1, 1, 1, 1];
    const operands = { mu, logvar, eps, dz: [1, 1, 1, 1, 1, 1, nan], weights: new Array(7).fill(1) };
    const loose = { rtol: 1e-6, atol: 1e-6 };
    const [z] = outputsOf(memory, reparameterize(7, 1, operands));
    // float32 ends long before exp(100)
    expect(z).toBeAllClose(sampleForward(mu, logvar, eps).map(Math.fround), loose);
    const expected = klForward(mu, logvar, 7, 1);
    expected[5] = infinity;
    const [divergence] = outputsOf(memory, kl(7, 1, operands));
    expect(divergence).toBeAllClose(expected, loose);
    const [dmu, dlogvar] = outputsOf(memory, latentBackward(7, 1, operands));
    expect(dmu).toBeAllClose([nan, 2, 2, 2, infinity, 2, nan], loose);
    expect(Array.from(dlogvar, Number.isFinite)).toEqual([true, false, false, true, true, false, false]);
    expect(dlogvar[1]).toBeNaN();
    expect(dlogvar[6]).toBeNaN();
  });
});
