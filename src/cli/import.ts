/** `elbow import` */
import { stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { ConfigError, FileError } from "../errors.ts";
import { readWhole, writeWhole } from "../files/file-node.ts";
import { type ImportOptions, importModel } from "../formats/import-model.ts";
import { serializeModel } from "../formats/model-file.ts";
import type { VaeConfig } from "../model/config.ts";
import { groupDigits } from "../report/numbers.ts";
import { RUN_FILES } from "../runs/run-directory-node.ts";
import { elbowVersion, print } from "./output.ts";

export interface ImportFlags {
  readonly hidden?: readonly number[];
  readonly latent?: number;
  readonly activation?: VaeConfig["activation"];
  readonly likelihood?: VaeConfig["likelihood"];
  readonly seed?: number;
  readonly imageShape?: readonly [height: number, width: number];
  readonly output: string;
  readonly overwrite?: boolean;
}

export async function importCommand(path: string, flags: ImportFlags): Promise<void> {
  const { imageShape } = flags;
  const isFile = extname(flags.output).toLowerCase() === ".safetensors";
  const output = isFile ? flags.output : join(flags.output, RUN_FILES.model);
  await expectNoRun(output);
  if (!flags.overwrite && (await stat(output).catch(() => undefined))) {
    throw new FileError(`${output} exists already; give another -o, or replace it with --overwrite`);
  }
  const { config, tensors } = importModel(await readWhole(path), optionsOf(flags), path);
  if (imageShape !== undefined && imageShape[0] * imageShape[1] !== config.inputDim) {
    throw new ConfigError(
      `--image-shape must be a height and a width that make ${config.inputDim}, not ${imageShape.join("x")}`,
    );
  }
  const model = { config, tensors: () => [...tensors.values()] };
  await writeWhole(output, serializeModel(model, { elbow: elbowVersion(), imageShape }), { parents: true });
  const { inputDim, hidden, latentDim, activation, likelihood } = config;
  const layers = [inputDim, ...hidden, latentDim, ...hidden.toReversed(), inputDim].join("-");
  const count = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  print(`${output}: ${layers}, ${activation}, ${likelihood}, ${groupDigits(count)} parameters`);
}

/** A run's own files tell of its training, and the imported model had another. */
async function expectNoRun(output: string): Promise<void> {
  const directory = dirname(output);
  const ofRun: readonly string[] = Object.values(RUN_FILES);
  if (!ofRun.includes(basename(output).toLowerCase())) return;
  if ((await stat(join(directory, RUN_FILES.config)).catch(() => undefined)) === undefined) return;
  throw new FileError(
    `${directory} has a ${RUN_FILES.config}, as runs have, and ${basename(output)} would not be that run's; ` +
      "give another directory as -o",
  );
}

function optionsOf({ hidden, latent, activation, likelihood, seed }: ImportFlags): ImportOptions {
  return {
    ...(hidden && { hidden }),
    ...(latent !== undefined && { latentDim: latent }),
    ...(activation && { activation }),
    ...(likelihood && { likelihood }),
    ...(seed !== undefined && { seed }),
  };
}
