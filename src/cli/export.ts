/** `elbow export`: a model as ONNX files. */
import { expectDirectoryFree, writeWholeDirectory } from "../files/directory-node.ts";
import { serializeOnnx } from "../formats/onnx.ts";
import { openFile } from "./open-model.ts";
import { elbowVersion, note, print } from "./output.ts";

const NAMES = ["encoder", "decoder", "reconstruction"] as const;

export interface ExportFlags {
  readonly onnx: string;
  readonly overwrite?: boolean;
}

export async function exportCommand(path: string, { onnx, overwrite = false }: ExportFlags): Promise<void> {
  const fileNames = NAMES.map((name) => `${name}.onnx`);
  await expectDirectoryFree(onnx, fileNames, { overwrite });
  const { config, tensors, info } = await openFile(path);
  const model = { config, tensors: () => [...tensors.values()] };
  const bytes = serializeOnnx(model, { ...info, elbow: elbowVersion() });
  const files = new Map(NAMES.map((name) => [`${name}.onnx`, bytes[name]]));
  const left = await writeWholeDirectory(onnx, files, { overwrite });
  if (left !== undefined) note(`the earlier files of ${onnx} could not be deleted; they are in ${left}`);
  print(`${onnx}: ${fileNames.join(", ")}`);
}
