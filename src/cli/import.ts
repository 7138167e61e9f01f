/** `elbow import`: weights of another program as a model file. */
import { stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { FileError } from "../errors.ts";
import { readWhole } from "../files/read-node.ts";
import { importModel, inspectWeights } from "../formats/import-model.ts";
import { serializeModel } from "../formats/model-file.ts";
import { MODEL_SETTINGS, type VaeConfig } from "../model/config.ts";
import { pickSettings } from "../model/settings.ts";
import { groupDigits } from "../report/numbers.ts";
import { RUN_FILES } from "../runs/run-directory-node.ts";
import { modelText } from "./narrate.ts";
import type { OutputFlags } from "./options.ts";
import { elbowVersion, expectFreeFile, print, writeOutput } from "./output.ts";

export interface ImportFlags extends Partial<VaeConfig>, OutputFlags {}

export async function importCommand(path: string, flags: ImportFlags): Promise<void> {
  const isFile = extname(flags.output).toLowerCase() === ".safetensors";
  const output = isFile ? flags.output : join(flags.output, RUN_FILES.model);
  await expectNoRun(output);
  await expectFreeFile(output, flags);
  const settings = pickSettings(MODEL_SETTINGS, flags);
  const bytes = await readWhole(path, { inspect: (head) => inspectWeights(head, settings, path).header.end });
  const { config, tensors } = importModel(bytes, settings, path);
  const model = { config, tensors: () => [...tensors.values()] };
  await writeOutput({ ...flags, output }, serializeModel(model, { elbow: elbowVersion() }), {
    parents: true,
  });
  const count = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  print(`${output}: ${modelText(config)}, ${groupDigits(count)} parameters`);
}

/** A run's files are the result of its training, and the imported model is not. */
async function expectNoRun(output: string): Promise<void> {
  const ofRun: readonly string[] = Object.values(RUN_FILES);
  if (!ofRun.includes(basename(output).toLowerCase())) return;
  const config = join(dirname(output), RUN_FILES.config);
  if ((await stat(config).catch(() => undefined)) === undefined) return;
  const remedy = "give another -o";
  throw new FileError({ setting: output, expected: "a place outside a run", found: `${config}`, remedy });
}
