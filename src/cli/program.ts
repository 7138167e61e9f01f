/** All commands with their options and help. */
import { type Argument, Command, Option } from "commander";
import { EXIT } from "./fail.ts";
import {
  choiceArgument,
  countOption,
  dataOptions,
  MODEL_OPTIONS,
  outputOptions,
  pathArgument,
  pathOption,
  rowOption,
  STEP_OPTIONS,
  saveEveryOption,
  settingOption,
  splitOption,
  stepsOption,
} from "./options.ts";
import { elbowVersion } from "./output.ts";
import { PROJECT_KINDS } from "./project-kinds.ts";

interface CommandWords {
  readonly does: string;
  readonly arguments?: readonly Argument[];
  readonly options: readonly Option[];
  /** What follows the command's name. */
  readonly examples: readonly string[];
  /** Loads a command when it is called. If it returns a number, that is the exit code. */
  readonly load: () => Promise<(...given: never[]) => Promise<unknown>>;
}

const MODEL_HELP = "run directory or model.safetensors";
const MODEL = [pathArgument("<model>", MODEL_HELP)];
const NEW_DATA = dataOptions("mnist, or digits without a network");
const MODEL_DATA = dataOptions("the data that the model was trained on");
const JSON_LINE = new Option("--json", "print a line of JSON");

const COMMANDS: Readonly<Record<string, CommandWords>> = {
  train: {
    does: "Train a model, and write everything about the run to one directory.",
    options: [
      ...NEW_DATA,
      settingOption("epochs"),
      ...STEP_OPTIONS,
      ...MODEL_OPTIONS,
      settingOption("workers"),
      saveEveryOption(),
      pathOption("--out <dir>", "run directory", "runs/<dataset>-<date>-<time>"),
      new Option("--overwrite", "replace the run in --out"),
      pathOption(
        "--resume <dir>",
        "resume the run in this directory with its own settings; --epochs may be higher",
      ).conflicts(["out", "overwrite"]),
      new Option("--quiet", "print errors only").conflicts("json"),
      new Option("--json", "print lines of JSON"),
    ],
    examples: [
      "",
      "--data fashion-mnist --latent 20 --epochs 30",
      "--data ./idx --hidden 512,256 --activation tanh --out runs/mine",
      "--resume runs/mine --epochs 60",
    ],
    load: async () => (await import("./train.ts")).trainCommand,
  },
  evaluate: {
    does: "Evaluate a model on test data: the negative ELBO, in nats per row.",
    arguments: MODEL,
    options: [...MODEL_DATA, JSON_LINE],
    examples: ["runs/mine", "model.safetensors --data fashion-mnist --json"],
    load: async () => (await import("./evaluate.ts")).evaluateCommand,
  },
  sample: {
    does: "Sample new images from a model.",
    arguments: MODEL,
    options: [
      countOption("images to sample", 64),
      ...outputOptions("picture to write, a .png file", "samples.png"),
      settingOption("seed", { help: "seed of the samples", default: "the model's" }),
    ],
    examples: ["runs/mine", "runs/mine -n 16 -o more.png --seed 7"],
    load: async () => (await import("./draw.ts")).sampleCommand,
  },
  reconstruct: {
    does: "Reconstruct test images, and show the originals above their reconstructions.",
    arguments: MODEL,
    options: [
      ...MODEL_DATA,
      countOption("test images to reconstruct", 32),
      ...outputOptions("picture to write, a .png file", "reconstructions.png"),
    ],
    examples: ["runs/mine -o pairs.png"],
    load: async () => (await import("./draw.ts")).reconstructCommand,
  },
  interpolate: {
    does: "Interpolate between two test images in latent space.",
    arguments: MODEL,
    options: [
      ...MODEL_DATA,
      rowOption("--from", "first test image", 0),
      rowOption("--to", "last test image", 1),
      stepsOption(),
      ...outputOptions("picture to write, a .png file", "interpolation.png"),
    ],
    examples: ["runs/mine --from 0 --to 1 --steps 16 -o walk.png"],
    load: async () => (await import("./draw.ts")).interpolateCommand,
  },
  encode: {
    does: "Encode rows as latent means, in a NumPy or a CSV file (CSV has the labels too).",
    arguments: MODEL,
    options: [...MODEL_DATA, splitOption(), ...outputOptions("file to write, .npy or .csv", "codes.npy")],
    examples: ["runs/mine -o codes.npy", "runs/mine --split train -o codes.csv"],
    load: async () => (await import("./encode.ts")).encodeCommand,
  },
  score: {
    does: "Score rows by their negative ELBO, in nats: a higher score is a greater anomaly.",
    arguments: MODEL,
    options: [
      ...MODEL_DATA,
      splitOption(),
      settingOption("samples"),
      settingOption("seed", { help: "seed of the posterior samples", default: "the model's" }),
      ...outputOptions("file to write, .csv or .npy", "scores.csv"),
    ],
    examples: ["runs/mine", "runs/mine --data ./other --samples 16 -o scores.npy"],
    load: async () => (await import("./score.ts")).scoreCommand,
  },
  import: {
    does: "Import weights that another program trained. Sizes come from their shapes.",
    arguments: [
      pathArgument(
        "<weights>",
        "a .safetensors file of a PyTorch state_dict: fc1, fc_mu, fc_logvar, fc3, fc4",
      ),
    ],
    options: [
      settingOption("hidden", { default: "from the weights" }),
      settingOption("latentDim", { default: "from the weights" }),
      settingOption("activation"),
      settingOption("likelihood"),
      settingOption("seed"),
      settingOption("inputShape"),
      ...outputOptions("model file to write, or a directory for it", "model.safetensors"),
    ],
    examples: [
      "weights.safetensors --image-shape 28x28",
      "weights.safetensors --activation tanh -o models/mine",
    ],
    load: async () => (await import("./import.ts")).importCommand,
  },
  export: {
    does: "Export a model to ONNX: encoder, decoder and reconstruction.",
    arguments: MODEL,
    options: [
      pathOption("--onnx <dir>", "directory to write to").makeOptionMandatory(),
      new Option("--overwrite", "replace an existing export"),
    ],
    examples: ["runs/mine --onnx mine-onnx"],
    load: async () => (await import("./export.ts")).exportCommand,
  },
  info: {
    does: "Show a model's settings, parameters, files, kernels and memory.",
    arguments: MODEL,
    options: [JSON_LINE],
    examples: ["runs/mine", "model.safetensors --json"],
    load: async () => (await import("./info.ts")).infoCommand,
  },
  init: {
    does: "Create a small project around a model: a Cloudflare Worker, a web page or a script.",
    arguments: [
      choiceArgument("<kind>", "worker, vite (a web page) or node (a script)", PROJECT_KINDS),
      pathArgument("<name>", "directory of the project, new or empty"),
    ],
    options: [pathOption("--model <model>", MODEL_HELP)],
    examples: ["worker my-worker --model runs/mine", "vite my-page --model model.safetensors"],
    load: async () => (await import("./init.ts")).initCommand,
  },
  trace: {
    does: "Record the first training steps, for other programs to repeat and compare (compare/README.md).",
    options: [
      ...NEW_DATA,
      settingOption("steps"),
      ...STEP_OPTIONS,
      ...MODEL_OPTIONS,
      new Option("--without-data", "record which rows each step uses, without their values"),
      ...outputOptions("trace to write, a .safetensors file", "trace.safetensors"),
    ],
    examples: ["", "--steps 500 --latent 20 --without-data -o long.safetensors"],
    load: async () => (await import("./trace.ts")).traceCommand,
  },
};

/**
 * Runs a command line.
 *
 * @returns the exit code
 * @throws {CommanderError} when the line is wrong
 * @throws {ConfigError} when an option's value is not allowed
 */
export async function run(line: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = new Command("elbow")
    .description("Train variational autoencoders on the CPU, and use them.")
    .version(elbowVersion(), "-v, --version")
    .exitOverride()
    // main.ts reports errors.
    .configureOutput({ outputError: () => {} })
    // The description includes the default.
    .configureHelp({ optionDescription: ({ description }) => description })
    .showHelpAfterError(false);
  for (const [name, words] of Object.entries(COMMANDS)) {
    const command = program.command(name).description(words.does);
    for (const argument of words.arguments ?? []) command.addArgument(argument);
    for (const option of words.options) command.addOption(option);
    const lines = words.examples.map((example) => `elbow ${name} ${example}`.trimEnd());
    command.addHelpText("after", examples(lines)).action(async (...given: unknown[]) => {
      const code = await (await words.load())(...(given as never[]));
      if (typeof code === "number") exitCode = code;
    });
  }
  program.addHelpText(
    "after",
    examples([
      "elbow train                       MNIST, 784-400-2-400-784, ten epochs",
      "elbow evaluate runs/mnist-…       the test loss of a run",
      "elbow train --help                all options of training",
    ]),
  );
  await program.parseAsync(line, { from: "user" });
  return exitCode;
}

/** Leads from a wrong command line to the help. */
export function helpHint([name = ""]: readonly string[]): string {
  return `; see elbow ${Object.hasOwn(COMMANDS, name) ? `${name} ` : ""}--help`;
}

function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}\n`;
}
