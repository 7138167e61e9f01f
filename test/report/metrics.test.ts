import { describe, expect, test } from "vitest";
import { ConfigError, FormatError } from "../../src/errors.ts";
import {
  epochLine,
  groupDigits,
  lossText,
  metricsLine,
  parseMetrics,
  rateText,
  serializeMetrics,
} from "../../src/report/metrics.ts";
import type { EpochMetrics } from "../../src/train/metrics.ts";

const first: EpochMetrics = {
  epoch: 1,
  trainLoss: 187.29999999999998,
  trainReconstruction: 183.1,
  trainKl: 4.2,
  testLoss: 169.1,
  testReconstruction: 164.6,
  testKl: 4.5,
  seconds: 1.4567,
  imagesPerSecond: 41188.99,
};
const second: EpochMetrics = { ...first, epoch: 2, testLoss: null, testReconstruction: null, testKl: null };

describe("metrics.jsonl", () => {
  test("has a line per epoch, numbers in full, keys in a fixed order", () => {
    const shuffled = Object.fromEntries(
      Object.entries({ ...first, extra: 1 }).reverse(),
    ) as unknown as EpochMetrics;
    expect(metricsLine(shuffled)).toBe(
      '{"epoch":1,"trainLoss":187.29999999999998,"trainReconstruction":183.1,"trainKl":4.2,"testLoss":169.1,' +
        '"testReconstruction":164.6,"testKl":4.5,"seconds":1.4567,"imagesPerSecond":41188.99}',
    );
    expect(serializeMetrics([first, second])).toBe(`${metricsLine(first)}\n${metricsLine(second)}\n`);
    expect(serializeMetrics([])).toBe("");
  });

  test("is read as it was written", () => {
    expect(parseMetrics(serializeMetrics([first, second]), "metrics.jsonl")).toEqual([first, second]);
    expect(parseMetrics("", "metrics.jsonl")).toEqual([]);
    const foreign = `${metricsLine(first).replace("{", '{"note":"x",')}\r\n${metricsLine(second)}`;
    expect(parseMetrics(foreign, "metrics.jsonl")).toEqual([first, second]);
  });

  test("cannot hold what is no number", () => {
    expect(() => metricsLine({ ...first, trainLoss: Number.NaN })).toThrow(ConfigError);
    expect(() => metricsLine({ ...first, testKl: Number.POSITIVE_INFINITY })).toThrow("testKl is Infinity");
  });

  test("is refused with the line's number", () => {
    const good = metricsLine(first);
    const refused: [text: string, why: string][] = [
      [`${good}\n${good.slice(0, 40)}`, "m.jsonl: line 2: a JSON object was expected, but this is not JSON."],
      [`${good}\n\n`, "line 2: a JSON object was expected"],
      ["[1]\n", "line 1: a JSON object was expected, but this is something else"],
      ["null\n", "something else"],
      [good.replace("187.29999999999998", "null"), "line 1: trainLoss should be a number but is null"],
      [good.replace("1.4567", '"1"'), "seconds should be a number but is a string"],
      [good.replace("1.4567", "1e999"), "seconds should be a number"],
      [good.replace("trainKl", "kl"), "trainKl should be a number but is missing"],
      [good.replace("testKl", "kl"), "testKl should be a number but is missing"],
      [good.replace('"epoch":1', '"epoch":1.5'), "epoch should be a whole number above 0 but is 1.5"],
      [`${good}\n${good}\n`, "line 2: epoch should be a whole number above 1 but is 1"],
      ['{"__proto__":{"epoch":1}}', "epoch should be a number but is missing"],
    ];
    for (const [text, why] of refused) {
      expect(() => parseMetrics(text, "m.jsonl")).toThrow(FormatError);
      expect(() => parseMetrics(text, "m.jsonl")).toThrow(why);
    }
  });
});

describe("the line for people", () => {
  test("says the epoch, the losses and the pace", () => {
    expect(epochLine(first)).toBe("Epoch 1, Loss: 187.3, test 169.1, 41 200 images/s");
    expect(epochLine(second)).toBe("Epoch 2, Loss: 187.3, 41 200 images/s");
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
