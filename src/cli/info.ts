/** `elbow info`: what a model is, and the memory that training it needs. */
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { countOf } from "../codecs/shape.ts";
import { architecture, layersOf } from "../model/architecture.ts";
import { MOST_WORKERS } from "../model/config.ts";
import { viewOf } from "../model/layers/kinds.ts";
import { parameterCount, parameterTable } from "../model/parameters.ts";
import { TRAIN_DEFAULTS, tuneEngine } from "../node.ts";
import { groupDigits } from "../report/numbers.ts";
import { RUN_FILES } from "../runs/run-directory-node.ts";
import { planSession, type Session, withNonzeros } from "../train/session.ts";
import type { Plan } from "../wasm/arena.ts";
import { type Arithmetic, canShareMemory, findBuild } from "../wasm/builds.ts";
import { platform, type Width } from "../wasm/platform.ts";
import type { TileName } from "../wasm/tiles.ts";
import { modelText, rowsText } from "./narrate.ts";
import { type OpenedFile, openFile } from "./open-model.ts";
import { columns, counted, print, printJson } from "./output.ts";

interface Kernels {
  readonly build: string;
  readonly arithmetic: Arithmetic;
  readonly tile: TileName;
  readonly width: Width;
}

interface FileSize {
  readonly name: string;
  readonly bytes: number;
}

export async function infoCommand(path: string, { json = false }: { json?: boolean }): Promise<void> {
  tuneEngine();
  const model = await openFile(path);
  const files = await fileSizes(model);
  const kernels = await chooseKernels(model);
  const session = sessionOf(model, kernels);
  const { plan } = planSession(session);
  if (json) return printJson(asJson(model, files, kernels, session, plan));
  const sections: [title: string, lines: string[]][] = [
    ["Model", modelLines(model)],
    ["Layers", layerLines(model)],
    ["Parameters", parameterLines(model)],
    ["Files", fileLines(files)],
    ["Kernels here", kernelLines(kernels)],
    [memoryTitle(session), memoryLines(plan)],
  ];
  for (const [i, [title, lines]] of sections.entries()) {
    if (i > 0) print("");
    print(title, "bold");
    for (const line of lines) print(`  ${line}`);
  }
}

async function chooseKernels({ config }: OpenedFile): Promise<Kernels> {
  const shared = canShareMemory();
  const { arithmetic, tile, width } = await platform().load(shared, config);
  return { build: findBuild(arithmetic, shared).file, arithmetic, tile, width };
}

/** Training this model on this machine, with the settings and data of its run or with the defaults. */
function sessionOf({ config, run }: OpenedFile, { tile }: Kernels): Session {
  return withNonzeros({
    config,
    training: run?.config.training ?? TRAIN_DEFAULTS,
    train: { count: run?.config.data.train ?? 0, bytesPerValue: 1 },
    test: { count: run?.config.data.test ?? 0, bytesPerValue: 1 },
    size: canShareMemory() ? Math.min(MOST_WORKERS, availableParallelism()) : 1,
    tile,
    spins: 0,
  });
}

async function fileSizes({ path, run }: OpenedFile): Promise<FileSize[]> {
  const paths = run
    ? Object.values(RUN_FILES).map((name) => [name, run.directory.file(name)])
    : [[path, path]];
  const sizes = await Promise.all(
    paths.map(async ([name, file]) => {
      const bytes = (await stat(file!).catch(() => undefined))?.size;
      return bytes === undefined ? [] : [{ name: name!, bytes }];
    }),
  );
  return sizes.flat();
}

function modelLines({ config, info, run, path }: OpenedFile): string[] {
  const { trained, dataset, arithmetic, elbow } = info;
  const rows: string[][] = [
    ["layers", modelText(config)],
    ["seed", String(config.seed)],
  ];
  if (trained) rows.push(["trained", trainedText(trained)]);
  if (dataset) rows.push(["data", run ? `${dataset.name}, ${rowsText(run.config)}` : dataset.name]);
  if (dataset) rows.push(["SHA-256", dataset.sha256]);
  if (run) {
    const { batchSize, learningRate } = run.config.training;
    rows.push(["training", `batch ${batchSize}, learning rate ${learningRate}`]);
  }
  if (arithmetic) rows.push(["arithmetic", arithmetic]);
  if (elbow) rows.push(["written by", `elbow ${elbow}`]);
  rows.push(["file", path]);
  return columns(rows);
}

function trainedText({ epochs, steps }: { epochs: number; steps: number }): string {
  const whole = counted(epochs, "epoch");
  return steps === 0 ? whole : `${whole} and ${counted(steps, "step")}`;
}

/** A line for each layer, as PyTorch prints its modules. */
function layerLines({ config }: OpenedFile): string[] {
  return layersOf(architecture(config)).map((layer) => viewOf(layer).torch(layer, config).join(", "));
}

function parameterLines({ config }: OpenedFile): string[] {
  const table = parameterTable(config);
  const rows = table.tensors.map(([name, shape]) => [name, shape.join(" × "), groupDigits(countOf(shape))]);
  return columns(
    [["name", "shape", "numbers"], ...rows, ["all", "", groupDigits(parameterCount(table))]],
    [2],
  );
}

function fileLines(files: readonly FileSize[]): string[] {
  return columns(
    files.map(({ name, bytes }) => [name, `${groupDigits(bytes)} B`]),
    [1],
  );
}

function kernelLines({ build, arithmetic, tile, width }: Kernels): string[] {
  return columns([
    ["build", build],
    ["arithmetic", arithmetic],
    ["tile", tile],
    ["vectors", `${width} bits`],
    ["self-check", "passed"],
  ]);
}

function memoryTitle({ training, train, test, size }: Session): string {
  const rows = train.count === 0 ? "before any data" : `${groupDigits(train.count + test.count)} rows`;
  return `Memory to train it (batch ${training.batchSize}, ${counted(size, "worker")}, ${rows})`;
}

function memoryLines({ regions, end }: Plan): string[] {
  const rows = regions.map(({ name, at, bytes }) => [name, groupDigits(at), groupDigits(bytes)]);
  return columns([["region", "from byte", "bytes"], ...rows, ["all", "", groupDigits(end)]], [1, 2]);
}

function asJson(
  { config, info, path, run }: OpenedFile,
  files: readonly FileSize[],
  kernels: Kernels,
  session: Session,
  { regions, end }: Plan,
): object {
  const table = parameterTable(config);
  return {
    path,
    config,
    ...info,
    run: run && { directory: run.directory.path, ...run.config },
    parameters: parameterCount(table),
    tensors: table.tensors.map(([name, shape]) => ({ name, shape })),
    files,
    kernels,
    memory: {
      batchSize: session.training.batchSize,
      workers: session.size,
      bytes: end,
      regions: regions.map(({ name, at, bytes }) => ({ name, from: at, bytes })),
    },
  };
}
