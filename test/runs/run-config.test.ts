import { expect, test } from "vitest";
import { ConfigError, FormatError } from "../../src/errors.ts";
import { checkConfig } from "../../src/model/config.ts";
import { parseRunConfig, type RunConfig, serializeRunConfig } from "../../src/runs/run-config.ts";

const config: RunConfig = {
  data: { name: "idx", source: "/idx", directory: "/data", sha256: "ab".repeat(32), train: 100, test: 20 },
  model: checkConfig({ inputShape: [2, 3, 1], hidden: [5, 4], latentDim: 3 }),
  training: { batchSize: 32, learningRate: 0.002 },
  epochs: 3,
  arithmetic: "simd",
  versions: { elbow: "1.2.3" },
};
const text = serializeRunConfig(config);

function refusal(change: (file: Record<string, Record<string, unknown>>) => void): string {
  const file = JSON.parse(text);
  change(file);
  try {
    parseRunConfig(JSON.stringify(file), "run/config.json");
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
    return (error as Error).message;
  }
  throw new Error("it was read");
}

test("config.json is read as it was written", () => {
  expect(parseRunConfig(text, "file")).toEqual(config);
  expect(parseRunConfig(serializeRunConfig({ ...config, versions: {} }), "file").versions).toEqual({});
});

test("no setting has a default", () => {
  const required = {
    data: ["name", "source", "sha256", "train", "test"],
    model: Object.keys(config.model),
    training: ["epochs", "batchSize", "learningRate"],
    kernels: ["arithmetic"],
  };
  for (const [part, keys] of Object.entries(required)) {
    expect(refusal((file) => delete file[part])).toBe(
      `run/config.json: ${part}: expected a JSON object, found nothing`,
    );
    for (const key of keys) {
      expect(refusal((file) => delete file[part]![key])).toMatch(
        new RegExp(`^run/config\\.json: ${part}\\.${key}: expected [^\\n]+, found nothing$`),
      );
    }
  }
});

test.each([
  ["training", "batchSize", 0, "expected a whole number from 1 to 65536, found 0"],
  ["training", "epochs", 1.5, "expected a whole number from 1 to 1000000, found 1.5"],
  ["training", "learningRate", "0.1", 'expected a number above 0, found "0.1"'],
  ["model", "activation", "\u001b[2J", 'expected relu, tanh or silu, found "\\u{1b}[2J"'],
  ["model", "hidden", [[[]]], "expected 1 to 64 whole numbers from 1 to 1048576, found [a list of 1]"],
  ["kernels", "arithmetic", "exact", 'expected simd or relaxed, found "exact"'],
  ["data", "train", -1, "expected a whole number from 0 to 9007199254740991, found -1"],
  ["data", "name", "a\udc00", 'expected well-formed text, found "a\\u{dc00}"'],
])("%s.%s cannot be %j", (part, key, value, message) => {
  expect(
    refusal((file) => {
      file[part]![key] = value;
    }),
  ).toBe(`run/config.json: ${part}.${key}: ${message}`);
});

test.each([
  ["half an epoch", { epochs: 0.5 }, "training.epochs: expected a whole number from 1 to 1000000, found 0.5"],
  ["a shape of another size", { model: { ...config.model, inputShape: [7] } }, "model.inputShape: expected"],
  ["no id of ours", { id: "../x" }, 'id: expected 12 hexadecimal digits, found "../x"'],
])("is not written with %s", (_, change, message) => {
  const write = () => serializeRunConfig({ ...config, ...change });
  expect(write).toThrow(ConfigError);
  expect(write).toThrow(`the config of the run: ${message}`);
});

test("a newer version is refused", () => {
  expect(refusal((file) => Object.assign(file, { formatVersion: 3 }))).toBe(
    "run/config.json: formatVersion: expected 2 or less, found 3; read it with a newer Elbow",
  );
});
