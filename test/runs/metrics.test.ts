import { describe, expect, test } from "vitest";
import { ConfigError, FormatError } from "../../src/errors.ts";
import { metricsLine, parseMetrics, serializeMetrics } from "../../src/runs/metrics.ts";
import type { EpochMetrics } from "../../src/train/metrics.ts";
import { firstEpoch as first } from "../support/metrics.ts";

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
    expect(() => metricsLine({ ...first, testKl: Number.POSITIVE_INFINITY })).toThrow(
      "testKl of epoch 1: expected a finite number, found Infinity",
    );
  });

  test("is not written with an epoch that does not follow", () => {
    expect(() => serializeMetrics([first, first])).toThrow(ConfigError);
    expect(() => serializeMetrics([first, first])).toThrow("epoch: expected a whole number above 1, found 1");
  });

  test("is refused with the line's number", () => {
    const good = metricsLine(first);
    const refused: [text: string, why: string][] = [
      [`${good}\n${good.slice(0, 40)}`, "m.jsonl: line 2: expected JSON, found another text"],
      [`${good}\n\n`, "line 2: expected JSON, found another text"],
      ["[1]\n", "line 1: expected a JSON object, found [1]"],
      ["null\n", "expected a JSON object, found null"],
      [good.replace("187.29999999999998", "null"), "line 1: trainLoss: expected a number, found null"],
      [good.replace("1.4567", '"1"'), 'seconds: expected a number, found "1"'],
      [good.replace("1.4567", "1e999"), "seconds: expected a number, found Infinity"],
      [good.replace("trainKl", "kl"), "trainKl: expected a number, found nothing"],
      [good.replace("testKl", "kl"), "testKl: expected a number or null, found nothing"],
      [good.replace('"epoch":1', '"epoch":1.5'), "epoch: expected a whole number above 0, found 1.5"],
      [`${good}\n${good}\n`, "line 2: epoch: expected a whole number above 1, found 1"],
      ['{"__proto__":{"epoch":1}}', "epoch: expected a number, found nothing"],
    ];
    for (const [text, why] of refused) {
      expect(() => parseMetrics(text, "m.jsonl")).toThrow(FormatError);
      expect(() => parseMetrics(text, "m.jsonl")).toThrow(why);
    }
  });
});
