import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/errors.ts";
import {
  checkConfig,
  checkEpochs,
  checkTraining,
  checkWorkers,
  TRAIN_DEFAULTS,
  VAE_DEFAULTS,
} from "../../src/model/config.ts";

/** What JavaScript callers and parsed files may hand in, whatever the types say. */
function checkAnything(setting: string, value: unknown): unknown {
  return checkConfig({ inputDim: 784, ...{ [setting]: value } });
}

const notWhole = [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 20 + 1, "3", null] as const;

describe("a model's config", () => {
  test("what is left out is the original program's", () => {
    expect(checkConfig({ inputDim: 784 })).toEqual({ inputDim: 784, ...VAE_DEFAULTS });
    const nothing = { inputDim: 5, ...{ hidden: undefined, seed: undefined } } as { inputDim: number };
    expect(checkConfig(nothing)).toEqual({ inputDim: 5, ...VAE_DEFAULTS });
  });

  test("what is given is kept, and what is unknown is refused", () => {
    const given = {
      inputDim: 1,
      hidden: [3, 2],
      latentDim: 4,
      activation: "tanh",
      likelihood: "gaussian",
      seed: Number.MAX_SAFE_INTEGER,
    } as const;
    expect(checkConfig(given)).toEqual(given);
    expect(() => checkConfig({ ...given, ...{ latent: 1 } })).toThrow(
      "must be among inputDim, hidden, latentDim, activation, likelihood, seed, not latent",
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
          `${setting} must be a whole number from 1 to 1048576, not ${value}`,
        );
      },
    );
  });

  test.each([[], {}, "400", 400, new Array(65).fill(2)])("hidden cannot be %j", (hidden) => {
    expect(() => checkAnything("hidden", hidden)).toThrow(ConfigError);
    expect(() => checkAnything("hidden", hidden)).toThrow(/hidden must be a list of 1 to 64 widths.*not/);
  });

  test.each([...notWhole, undefined])("a hidden width cannot be %s", (width) => {
    expect(() => checkAnything("hidden", [4, width])).toThrow(
      `a hidden width must be a whole number from 1 to 1048576, not ${width}`,
    );
  });

  test.each([
    ["activation", "relu or tanh"],
    ["likelihood", "bernoulli or gaussian"],
  ])("%s must be one of its names", (setting, allowed) => {
    for (const value of ["", "sigmoid", "RELU", 1, ["relu"], "__proto__"]) {
      expect(() => checkAnything(setting, value)).toThrow(ConfigError);
      expect(() => checkAnything(setting, value)).toThrow(`${setting} must be ${allowed}, not ${value}`);
    }
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 53, "0"])("seed cannot be %s", (seed) => {
    expect(() => checkAnything("seed", seed)).toThrow(
      `seed must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, not ${seed}`,
    );
  });
});

describe("settings of training", () => {
  test("what is left out is the original program's", () => {
    const { batchSize, learningRate } = TRAIN_DEFAULTS;
    expect(checkTraining({})).toEqual({ batchSize, learningRate });
    expect(checkEpochs()).toBe(10);
  });

  test.each([0, -1, 1.5, Number.NaN, 65537])("batchSize cannot be %s", (batchSize) => {
    expect(() => checkTraining({ batchSize })).toThrow(ConfigError);
    expect(() => checkTraining({ batchSize })).toThrow(`whole number from 1 to 65536, not ${batchSize}`);
  });

  test.each([0, -1e-3, Number.NaN, Number.POSITIVE_INFINITY])("learningRate cannot be %s", (learningRate) => {
    expect(() => checkTraining({ learningRate })).toThrow(ConfigError);
    expect(() => checkTraining({ learningRate })).toThrow(/learningRate must be a number above 0/);
  });

  test.each([0, -1, 1.5, "3", 1e7])("epochs cannot be %s", (epochs) => {
    expect(() => checkEpochs(epochs)).toThrow(ConfigError);
    expect(() => checkEpochs(epochs)).toThrow(
      `epochs must be a whole number from 1 to 1000000, not ${epochs}`,
    );
  });

  test.each([0, -1, 1.5, "2", 257, Number.NaN])("workers cannot be %s", (workers) => {
    expect(() => checkWorkers(workers)).toThrow(ConfigError);
    expect(() => checkWorkers(workers)).toThrow(
      `workers must be a whole number from 1 to 256, not ${workers}`,
    );
  });
});
