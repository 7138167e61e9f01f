/** The command's words: what there is to call, with which options, and what the help says. */
import { Argument, Command } from "commander";
import { EXIT } from "./fail.ts";
import {
  countOption,
  dataDirOption,
  dataOption,
  imageShapeOption,
  MODEL_OPTIONS,
  outputOption,
  rowOption,
  STEP_OPTIONS,
  samplesOption,
  seedOption,
  splitOption,
  stepsOption,
  TRAINING_OPTIONS,
  traceStepsOption,
  workersOption,
} from "./options.ts";
import { elbowVersion } from "./output.ts";
import { PROJECT_KINDS, type ProjectKind } from "./project-kinds.ts";

const MODEL = ["<model>", "a run directory or a model.safetensors"] as const;
const OWN_DATA = "what the model was trained on";

/**
 * Runs a command line. What a command does is loaded only when it is called.
 *
 * @returns the exit code
 * @throws CommanderError or ConfigError where the line is wrong
 */
export async function run(line: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = makeProgram((code) => {
    exitCode = code;
  });
  await program.parseAsync(line, { from: "user" });
  return exitCode;
}

/** Where a wrong command line is sent on. */
export function helpHint(line: readonly string[]): string {
  const known = makeProgram(() => {}).commands.some((command) => command.name() === line[0]);
  return `; see elbow ${known ? `${line[0]} ` : ""}--help`;
}

function makeProgram(exit: (code: number) => void): Command {
  const program = new Command("elbow")
    .description("Train variational autoencoders on the CPU, and use them.")
    .version(elbowVersion(), "-v, --version")
    .exitOverride()
    // Errors are reported in one place, by whoever catches them.
    .configureOutput({ outputError: () => {} })
    .showHelpAfterError(false);
  addTrain(program, exit);
  addEvaluate(program);
  addPictures(program);
  addEncode(program);
  addScore(program);
  addImport(program);
  addExport(program);
  addInfo(program);
  addInit(program);
  addTrace(program);
  program.addHelpText(
    "after",
    examples(
      "elbow train                       MNIST, 784-400-2-400-784, ten epochs",
      "elbow evaluate runs/mnist-…       what it came to",
      "elbow train --help                all about training",
    ),
  );
  return program;
}

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}\n`;
}

function addTrain(program: Command, exit: (code: number) => void): void {
  const command = program
    .command("train")
    .description("Train a model; everything about the run is kept in one directory.")
    .addOption(dataOption("mnist, or digits where there is no network"))
    .addOption(dataDirOption());
  for (const option of [...TRAINING_OPTIONS, ...MODEL_OPTIONS]) command.addOption(option);
  command
    .addOption(workersOption())
    .option("--out <dir>", "the run's directory (default: runs/<dataset>-<date>-<time>)")
    .option("--overwrite", "replace the run that --out holds")
    .addOption(
      command
        .createOption("--resume <dir>", "go on with a run, with its own settings; --epochs may be raised")
        .conflicts(["out", "overwrite"]),
    )
    .addOption(command.createOption("--quiet", "say nothing but errors").conflicts("json"))
    .option("--json", "say everything as lines of JSON")
    .addHelpText(
      "after",
      examples(
        "elbow train",
        "elbow train --data fashion-mnist --latent 20 --epochs 30",
        "elbow train --data ./idx --hidden 512,256 --activation tanh --out runs/mine",
        "elbow train --resume runs/mine --epochs 60",
      ),
    )
    .action(async (flags: object) => {
      const { trainCommand } = await import("./train.ts");
      exit(await trainCommand(flags));
    });
}

function addEvaluate(program: Command): void {
  program
    .command("evaluate")
    .description("Say how well a model describes test data: the negative ELBO in nats per row.")
    .argument(...MODEL)
    .addOption(dataOption(OWN_DATA))
    .addOption(dataDirOption())
    .option("--json", "as a line of JSON")
    .addHelpText(
      "after",
      examples("elbow evaluate runs/mine", "elbow evaluate model.safetensors --data fashion-mnist --json"),
    )
    .action(async (model: string, flags: object) => {
      const { evaluateCommand } = await import("./evaluate.ts");
      await evaluateCommand(model, flags);
    });
}

function addPictures(program: Command): void {
  program
    .command("sample")
    .description("Draw new images from a model.")
    .argument(...MODEL)
    .addOption(countOption(64, "how many"))
    .addOption(outputOption("samples.png", "the picture"))
    .addOption(seedOption("decides which (default: the model's seed)"))
    .addHelpText(
      "after",
      examples("elbow sample runs/mine", "elbow sample runs/mine -n 16 -o more.png --seed 7"),
    )
    .action(async (model: string, flags) => {
      const { sampleCommand } = await import("./draw.ts");
      await sampleCommand(model, flags);
    });
  program
    .command("reconstruct")
    .description("Show test images above what a model makes of them.")
    .argument(...MODEL)
    .addOption(dataOption(OWN_DATA))
    .addOption(dataDirOption())
    .addOption(countOption(32, "how many"))
    .addOption(outputOption("reconstructions.png", "the picture"))
    .addHelpText("after", examples("elbow reconstruct runs/mine -o pairs.png"))
    .action(async (model: string, flags) => {
      const { reconstructCommand } = await import("./draw.ts");
      await reconstructCommand(model, flags);
    });
  program
    .command("interpolate")
    .description("Walk through the latent space from one test image to another.")
    .argument(...MODEL)
    .addOption(dataOption(OWN_DATA))
    .addOption(dataDirOption())
    .addOption(rowOption("--from", 0, "the test image to start from"))
    .addOption(rowOption("--to", 1, "the test image to end at"))
    .addOption(stepsOption())
    .addOption(outputOption("interpolation.png", "the picture"))
    .addHelpText("after", examples("elbow interpolate runs/mine --from 0 --to 1 --steps 16 -o walk.png"))
    .action(async (model: string, flags) => {
      const { interpolateCommand } = await import("./draw.ts");
      await interpolateCommand(model, flags);
    });
}

function addEncode(program: Command): void {
  program
    .command("encode")
    .description("Write the latent mean of every row, as NumPy or CSV (with labels, where there are any).")
    .argument(...MODEL)
    .addOption(dataOption(OWN_DATA))
    .addOption(dataDirOption())
    .addOption(splitOption())
    .addOption(outputOption("codes.npy", "a .npy or a .csv file"))
    .addHelpText(
      "after",
      examples("elbow encode runs/mine -o codes.npy", "elbow encode runs/mine --split train -o codes.csv"),
    )
    .action(async (model: string, flags) => {
      const { encodeCommand } = await import("./encode.ts");
      await encodeCommand(model, flags);
    });
}

function addScore(program: Command): void {
  program
    .command("score")
    .description("Write the negative ELBO of every row, in nats: the higher, the stranger to the model.")
    .argument(...MODEL)
    .addOption(dataOption(OWN_DATA))
    .addOption(dataDirOption())
    .addOption(splitOption())
    .addOption(samplesOption())
    .addOption(seedOption("decides the draws (default: the model's seed)"))
    .addOption(outputOption("scores.csv", "a .csv or a .npy file"))
    .addHelpText(
      "after",
      examples("elbow score runs/mine", "elbow score runs/mine --data ./other --samples 16 -o scores.npy"),
    )
    .action(async (model: string, flags) => {
      const { scoreCommand } = await import("./score.ts");
      await scoreCommand(model, flags);
    });
}

function addImport(program: Command): void {
  const command = program
    .command("import")
    .description("Make a model of weights that another program trained; their shapes say how large it is.")
    .argument("<weights>", "a .safetensors file of a PyTorch state_dict: fc1, fc_mu, fc_logvar, fc3, fc4");
  for (const option of MODEL_OPTIONS) command.addOption(option);
  command
    .addOption(imageShapeOption())
    .addOption(outputOption("model.safetensors", "the model file, or a directory for it"))
    .option("--overwrite", "replace the file that is there")
    .addHelpText(
      "after",
      examples(
        "elbow import weights.safetensors --image-shape 28x28",
        "elbow import weights.safetensors --activation tanh -o models/mine",
      ),
    )
    .action(async (weights: string, flags) => {
      const { importCommand } = await import("./import.ts");
      await importCommand(weights, flags);
    });
}

function addExport(program: Command): void {
  program
    .command("export")
    .description("Write a model as ONNX files: encoder, decoder, reconstruction.")
    .argument(...MODEL)
    .requiredOption("--onnx <dir>", "the directory to make")
    .option("--overwrite", "replace the export that is there")
    .addHelpText("after", examples("elbow export runs/mine --onnx mine-onnx"))
    .action(async (model: string, flags) => {
      const { exportCommand } = await import("./export.ts");
      await exportCommand(model, flags);
    });
}

function addInfo(program: Command): void {
  program
    .command("info")
    .description("Say what a model is: settings, parameters, files, kernels, memory.")
    .argument(...MODEL)
    .option("--json", "as a line of JSON")
    .addHelpText("after", examples("elbow info runs/mine", "elbow info model.safetensors --json"))
    .action(async (model: string, flags: object) => {
      const { infoCommand } = await import("./info.ts");
      await infoCommand(model, flags);
    });
}

function addInit(program: Command): void {
  program
    .command("init")
    .description("Make a small project that uses a model: a Cloudflare Worker, a page or a script.")
    .addArgument(new Argument("<kind>", "worker, vite (a page) or node (a script)").choices(PROJECT_KINDS))
    .argument("<name>", "the project's directory, which must not exist or be empty")
    .option("--model <model>", MODEL[1])
    .addHelpText(
      "after",
      examples(
        "elbow init worker my-worker --model runs/mine",
        "elbow init vite my-page --model model.safetensors",
      ),
    )
    .action(async (kind: ProjectKind, name: string, flags: object) => {
      const { initCommand } = await import("./init.ts");
      await initCommand(kind, name, flags);
    });
}

function addTrace(program: Command): void {
  const command = program
    .command("trace")
    .description(
      "Write down the first steps of training, for other programs to do the same work and compare (compare/README.md).",
    )
    .addOption(dataOption("mnist, or digits where there is no network"))
    .addOption(dataDirOption())
    .addOption(traceStepsOption());
  for (const option of [...STEP_OPTIONS, ...MODEL_OPTIONS]) command.addOption(option);
  command
    .option("--without-data", "write the numbers of the rows and not the rows")
    .addOption(outputOption("trace.safetensors", "the trace"))
    .addHelpText(
      "after",
      examples("elbow trace", "elbow trace --steps 500 --latent 20 --without-data -o long.safetensors"),
    )
    .action(async (flags) => {
      const { traceCommand } = await import("./trace.ts");
      await traceCommand(flags);
    });
}
