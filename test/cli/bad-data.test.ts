import { mkdir, readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { serializeModel, Vae } from "../../src/node.ts";
import { elbow, idx, listing, temporaryDirectory, writeDigits } from "./support.ts";

const dir = temporaryDirectory();
beforeAll(() => writeDigits(dir.at("good"), 40, 20));

const IMAGES = "train-images-idx3-ubyte.gz";
const LABELS = "train-labels-idx1-ubyte.gz";

/** A copy of the good directory with one file that is not. */
async function spoil(name: string, file: string, change: (bytes: Buffer) => Uint8Array): Promise<string> {
  await mkdir(dir.at(name));
  for (const good of (await listing(dir.at("good")))!) {
    const bytes = await readFile(dir.at("good", good));
    await writeFile(dir.at(name, good), good === file ? change(bytes) : bytes);
  }
  return name;
}

const zip = (bytes: Uint8Array) => (): Uint8Array => gzipSync(bytes);

describe.concurrent("data that cannot be read", () => {
  test.each([
    ["truncated", IMAGES, (bytes: Buffer) => bytes.subarray(0, 500), /expected .*gzip/],
    [
      "magic",
      IMAGES,
      zip(idx([2, 28, 28], new Uint8Array(1568), 0x0903)),
      /magic 0x00000803\), found 0x00000903/,
    ],
    ["sizes", IMAGES, zip(idx([40, 28, 28], new Uint8Array(1568))), /expected 31376 bytes .* found 1584/],
    ["zero", IMAGES, zip(idx([0, 28, 28], new Uint8Array())), /at least one image/],
    ["labels", LABELS, zip(idx([2], new Uint8Array(2))), /expected 40 labels/],
  ] as const)("%s", async (name, file, change, message) => {
    const data = await spoil(name, file, change);
    const { code, stdout, stderr } = await elbow(["train", "--data", data, "--out", `${name}-run`], {
      cwd: dir.path,
    });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^elbow: [^\n]+\n$/);
    expect(stderr).toContain(dir.at(name, file));
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(await listing(dir.at(`${name}-run`))).toBeUndefined();
  });

  test("a directory without IDX files, and none at all", async () => {
    await mkdir(dir.at("empty"));
    const [empty, none] = await Promise.all(
      ["empty", "nowhere"].map((data) => elbow(["train", "--data", data], { cwd: dir.path })),
    );
    expect(empty!.stderr).toMatch(
      /^elbow: \S+empty: expected IDX files .* found none; rename the files or choose another directory\n$/,
    );
    expect(none!.stderr).toMatch(
      /^elbow: \S+nowhere: expected mnist, fashion-mnist, digits or a directory .*; check the name or path\n$/,
    );
    expect([empty!.code, none!.code]).toEqual([1, 1]);
    expect(await listing(dir.at("runs"))).toBeUndefined();
  });
});

test("a model whose numbers overflow gives no scores, codes or loss, but one line", async () => {
  const vae = await Vae.create({ inputShape: [28, 28, 1], hidden: [4] });
  const weights = vae.tensors();
  for (const { data } of weights) data.fill(1e38);
  await writeFile(dir.at("huge.safetensors"), serializeModel({ config: vae.config, tensors: () => weights }));
  const outcomes = await Promise.all(
    ["evaluate", "score", "encode"].map((command) =>
      elbow([command, "huge.safetensors", "--data", "good"], { cwd: dir.path }),
    ),
  );
  for (const { code, stdout, stderr } of outcomes) {
    expect(stderr).toMatch(
      /^elbow: the [a-z ]+ of row 0: expected a finite number, found [^\n]+; scale the data[^\n]+\n$/,
    );
    expect([code, stdout]).toEqual([1, ""]);
  }
  const left = await listing(dir.path);
  expect(left).not.toContain("scores.csv");
  expect(left).not.toContain("codes.npy");
});

describe("without a network", () => {
  // Every download fails at once, as where there is no route.
  const offline = {
    nodeFlags: ["--import", "data:text/javascript,globalThis.fetch=async()=>{throw new Error('no route')}"],
  };
  const line = [
    "--data-dir",
    "nothing",
    "--epochs",
    "1",
    "--batch-size",
    "1024",
    "--hidden",
    "8",
    "--out",
    "run",
  ];

  test("MNIST by name is an error that lists what was tried", async () => {
    const { code, stderr } = await elbow(["train", "--data", "mnist", ...line], {
      cwd: dir.path,
      ...offline,
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^elbow: \S+\.gz: expected a working mirror, found (\S+ \(no route\)(, |; )){3}check the network[^\n]+\n$/,
    );
    expect(await listing(dir.path)).not.toContain("run");
    expect(await listing(dir.path)).not.toContain("nothing");
  });

  test("MNIST by default gives way to the digits, in one sentence", async () => {
    const { code, stdout, stderr } = await elbow(["train", ...line], { cwd: dir.path, ...offline });
    expect(stderr).toBe(
      "MNIST is not on this machine and cannot be downloaded, so this run uses the embedded digits.\n",
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Data {6}digits, 60 000 \+ 10 000 images of 28 × 28$/m);
  });
});
