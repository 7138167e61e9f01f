import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/errors.ts";
import {
  checkConfig,
  checkEpochs,
  checkTraining,
  checkWorkers,
  imageOf,
  TRAIN_DEFAULTS,
  VAE_DEFAULTS,
} from "../../src/model/config.ts";

/** What JavaScript callers and parsed files may hand in, whatever the types say. */
function checkAnything(setting: string, value: unknown): unknown {
  return checkConfig({ inputDim: 784, ...{ [setting]: value } });
}

/** How a message shows a value. */
function found(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return value === undefined ? "nothing" : String(value);
}

const notWhole = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 20 + 1, "3", null] as const;

describe("a model's config", () => {
  test("what is left out is the original program's", () => {
    expect(checkConfig({ inputDim: 784 })).toEqual({ inputDim: 784, inputShape: [784], ...VAE_DEFAULTS });
    const nothing = { inputDim: 5, ...{ hidden: undefined, seed: undefined } } as { inputDim: number };
    expect(checkConfig(nothing)).toEqual({ inputDim: 5, inputShape: [5], ...VAE_DEFAULTS });
    expect(VAE_DEFAULTS).toEqual({
      hidden: [400],
      latentDim: 2,
      activation: "relu",
      likelihood: "bernoulli",
      seed: 0,
    });
  });

  test("what is given is kept, and what is unknown is refused", () => {
    const given = {
      inputDim: 30,
      inputShape: [2, 5, 3],
      hidden: [3, 2],
      latentDim: 4,
      activation: "tanh",
      likelihood: "gaussian",
      seed: Number.MAX_SAFE_INTEGER,
    } as const;
    expect(checkConfig(given)).toEqual(given);
    expect(() => checkConfig({ ...given, ...{ latent: 1 } })).toThrow(
      "latent: expected one of a model's settings (inputDim, inputShape, hidden, latentDim, activation, " +
        "likelihood, seed), found an unknown name",
    );
  });

  test("later changes of the caller's list change nothing", () => {
    const hidden = [8];
    const config = checkConfig({ inputDim: 3, hidden });
    hidden[0] = 9;
    expect(config.hidden).toEqual([8]);
  });

  // null and undefined mean the default, as in every options object
  describe.each(["inputDim", "latentDim"])("%s", (setting) => {
    test.each(setting === "inputDim" ? [...notWhole, undefined] : notWhole.filter((value) => value !== null))(
      "cannot be %s",
      (value) => {
        expect(() => checkAnything(setting, value)).toThrow(ConfigError);
        expect(() => checkAnything(setting, value)).toThrow(
          `${setting}: expected a whole number from 1 to 1048576, found ${found(value ?? undefined)}`,
        );
      },
    );
  });

  test.each([[], {}, "400", 400, new Array(65).fill(2)])("hidden cannot be %j", (hidden) => {
    expect(() => checkAnything("hidden", hidden)).toThrow(ConfigError);
    expect(() => checkAnything("hidden", hidden)).toThrow(
      /^hidden: expected 1 to 64 whole numbers from 1 to 1048576, found /,
    );
  });

  test.each([...notWhole, undefined])("a hidden width cannot be %s", (width) => {
    expect(() => checkAnything("hidden", [4, width])).toThrow(
      `hidden: expected 1 to 64 whole numbers from 1 to 1048576, found [4, ${found(width)}]`,
    );
  });

  test.each([
    ["activation", "relu, tanh or silu"],
    ["likelihood", "bernoulli or gaussian"],
  ])("%s must be one of its names", (setting, allowed) => {
    for (const value of ["", "sigmoid", "RELU", 1, ["relu"], "__proto__"]) {
      expect(() => checkAnything(setting, value)).toThrow(ConfigError);
      expect(() => checkAnything(setting, value)).toThrow(
        `${setting}: expected ${allowed}, found ${Array.isArray(value) ? '["relu"]' : found(value)}`,
      );
    }
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 53, "0"])("seed cannot be %s", (seed) => {
    expect(() => checkAnything("seed", seed)).toThrow(
      `seed: expected a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, found ${found(seed)}`,
    );
  });
});

describe("the shape of a row", () => {
  test("is in the config, and its numbers are inputDim", () => {
    expect(checkConfig({ inputShape: [28, 28, 1] })).toMatchObject({
      inputDim: 784,
      inputShape: [28, 28, 1],
    });
    expect(checkConfig({ inputShape: [7] })).toMatchObject({ inputDim: 7, inputShape: [7] });
    const both = { inputDim: 12, inputShape: [2, 2, 3] };
    expect(checkConfig(both)).toMatchObject(both);
  });

  test.each([
    [[]],
    [[28, 28]],
    [[1, 2, 3, 4]],
    [[0]],
    [[2, 1.5, 1]],
    [["784"]],
    ["784"],
    [784],
    [[-1, -1, 1]],
  ])("cannot be %j", (inputShape) => {
    expect(() => checkConfig({ inputDim: 784, ...{ inputShape: inputShape as number[] } })).toThrow(
      /^inputShape: expected 1 or 3 whole numbers from 1 to 1048576, found /,
    );
  });

  test("cannot have another size than the row", () => {
    expect(() => checkConfig({ inputDim: 784, inputShape: [28, 27, 1] })).toThrow(
      "inputShape: expected 1 or 3 whole numbers from 1 to 1048576, with inputDim (784) as their product, found [28, 27, 1]",
    );
    expect(() => checkConfig({ inputShape: [1024, 1024, 3] })).toThrow(
      "inputDim: expected a whole number from 1 to 1048576, found 3145728",
    );
  });

  test("of three numbers is an image's", () => {
    expect(imageOf({ inputShape: [28, 27, 3] })).toEqual({ height: 28, width: 27, channels: 3 });
    expect(imageOf({ inputShape: [784] })).toBeUndefined();
  });
});

test("a whole config has every setting", () => {
  const config = checkConfig({ inputDim: 784 });
  expect(checkConfig(config, { whole: true })).toEqual(config);
  for (const key of Object.keys(config)) {
    for (const value of [undefined, null]) {
      expect(() => checkConfig({ ...config, [key]: value }, { whole: true })).toThrow(
        new RegExp(`^${key}: expected .*, found ${value === null ? "null" : "nothing"}$`),
      );
    }
  }
});

describe("settings of training", () => {
  test("what is left out is the original program's", () => {
    const { batchSize, learningRate } = TRAIN_DEFAULTS;
    expect(checkTraining({})).toEqual({ batchSize, learningRate });
    expect(checkEpochs()).toBe(10);
  });

  test.each([0, -1, 1.5, Number.NaN, 65537])("batchSize cannot be %s", (batchSize) => {
    expect(() => checkTraining({ batchSize })).toThrow(ConfigError);
    expect(() => checkTraining({ batchSize })).toThrow(
      `batchSize: expected a whole number from 1 to 65536, found ${batchSize}`,
    );
  });

  test.each([0, -1e-3, Number.NaN, Number.POSITIVE_INFINITY])("learningRate cannot be %s", (learningRate) => {
    expect(() => checkTraining({ learningRate })).toThrow(ConfigError);
    expect(() => checkTraining({ learningRate })).toThrow(
      `learningRate: expected a number above 0, found ${learningRate}`,
    );
  });

  test.each([0, -1, 1.5, "3", 1e7])("epochs cannot be %s", (epochs) => {
    expect(() => checkEpochs(epochs)).toThrow(ConfigError);
    expect(() => checkEpochs(epochs)).toThrow(
      `epochs: expected a whole number from 1 to 1000000, found ${found(epochs)}`,
    );
  });

  test.each([0, -1, 1.5, "2", 257, Number.NaN])("workers cannot be %s", (workers) => {
    expect(() => checkWorkers(workers)).toThrow(ConfigError);
    expect(() => checkWorkers(workers)).toThrow(
      `workers: expected a whole number from 1 to 256, found ${found(workers)}`,
    );
  });
});
