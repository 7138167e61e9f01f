import { describe, expect, test } from "vitest";
import { epochLine, groupDigits, lossText, rateText } from "../../src/report/numbers.ts";
import { firstEpoch as first } from "../support/metrics.ts";

describe("the line for people", () => {
  test("says the epoch, the losses and the pace", () => {
    expect(epochLine(first)).toBe("Epoch 1, Loss: 187.3, test 169.1, 41 200 images/s");
    expect(epochLine({ ...first, epoch: 2, testLoss: null })).toBe("Epoch 2, Loss: 187.3, 41 200 images/s");
  });

  test("fits 80 columns", () => {
    const wide = {
      ...first,
      epoch: 1_000_000,
      trainLoss: -1.2345e300,
      testLoss: -1.2345e300,
      imagesPerSecond: 1e12,
    };
    expect(epochLine(wide).length).toBeLessThanOrEqual(80);
  });

  test("keeps four digits of a loss", () => {
    const texts = [187.34, 99.996, 15.6789, 0.0532123, 0, -3.4, 1234567.89, 12345678.9].map(lossText);
    expect(texts).toEqual(["187.3", "100.0", "15.68", "0.05321", "0.000", "-3.400", "1234567.9", "1.235e+7"]);
  });

  test("groups an images/s by thousands", () => {
    const texts = [0.01234, 9.876, 87.65, 999.6, 1234, 41188.99, 1234567].map(rateText);
    expect(texts).toEqual(["0.0123", "9.88", "87.7", "1 000", "1 230", "41 200", "1 230 000"]);
  });

  test("groups a whole number by thousands", () => {
    expect([0, 999, 1000, 631188, 1e9].map(groupDigits)).toEqual([
      "0",
      "999",
      "1 000",
      "631 188",
      "1 000 000 000",
    ]);
  });
});
