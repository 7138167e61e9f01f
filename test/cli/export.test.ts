import { mkdir, readFile, writeFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { serializeModel, serializeOnnx, Vae } from "../../src/node.ts";
import { elbow, listing, temporaryDirectory } from "./support.ts";

const dir = temporaryDirectory();
const run = (...args: string[]): ReturnType<typeof elbow> => elbow(["export", ...args], { cwd: dir.path });
const vae = await Vae.create({ inputDim: 12, hidden: [7], latentDim: 3, seed: 8 });
const NAMES = ["decoder.onnx", "encoder.onnx", "reconstruction.onnx"];

beforeAll(() => writeFile(dir.at("m.safetensors"), serializeModel(vae)));

describe.concurrent("elbow export", () => {
  test("writes what the library makes", async () => {
    const { code, stdout, stderr } = await run("m.safetensors", "--onnx", "made/onnx");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe("made/onnx: encoder.onnx, decoder.onnx, reconstruction.onnx\n");
    expect(await listing(dir.at("made", "onnx"))).toEqual(NAMES);
    const { version } = JSON.parse(await readFile(new URL("../../package.json", import.meta.url), "utf8"));
    const expected = serializeOnnx(vae, { elbow: version });
    for (const name of ["encoder", "decoder", "reconstruction"] as const) {
      const bytes = await readFile(dir.at("made", "onnx", `${name}.onnx`));
      expect(Buffer.compare(bytes, expected[name]), name).toBe(0);
    }
    const again = await run("m.safetensors", "--onnx", "made/onnx");
    expect(again.stderr).toBe(
      "elbow: made/onnx: expected a new directory, found an existing one; choose another, or replace it with --overwrite\n",
    );
    expect(again.code).toBe(1);
    expect((await run("m.safetensors", "--onnx", "made/onnx", "--overwrite")).code).toBe(0);
    expect(await listing(dir.at("made"))).toEqual(["onnx"]);
  });

  test("deletes nobody's files", async () => {
    await mkdir(dir.at("full"));
    await writeFile(dir.at("full", "notes"), "mine");
    const { code, stderr } = await run("m.safetensors", "--onnx", "full", "--overwrite");
    expect(stderr).toMatch(
      /^elbow: full: expected only [^\n]+ to replace, found notes, which would be lost; [^\n]+\n$/,
    );
    expect(code).toBe(1);
    expect(await listing(dir.at("full"))).toEqual(["notes"]);
  });

  test("makes no directory without a model", async () => {
    expect((await run("nowhere", "--onnx", "never")).code).toBe(1);
    expect(await listing(dir.at("never"))).toBeUndefined();
  });
});
