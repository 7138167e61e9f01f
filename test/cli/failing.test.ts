import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { beforeAll, describe, expect, test } from "vitest";
import { elbow, listing, MAIN, start, temporaryDirectory, writeDigits } from "./support.ts";

const dir = temporaryDirectory();
const SMALL = ["--data", "idx", "--hidden", "16", "--batch-size", "32"];
beforeAll(() => writeDigits(dir.at("idx")));

describe("a loss that stops being finite", () => {
  test("in the first epoch, nothing is left", async () => {
    const { code, stderr } = await elbow(["train", ...SMALL, "--lr", "1e20", "--out", "new/run"], {
      cwd: dir.path,
    });
    expect(stderr).toMatch(
      /^elbow: the loss at step \d+ of 10 in epoch 1: expected a finite number, found (NaN|Infinity); try a learning rate below 100000000000000000000; nothing was saved\n$/,
    );
    expect(code).toBe(1);
    expect(await listing(dir.at("new"))).toBeUndefined();
  });

  test("later, the last good checkpoint is kept and named", async () => {
    const line = ["train", ...SMALL, "--batch-size", "320", "--epochs", "1000", "--out", "later", "--json"];
    const { code, stdout, stderr } = await elbow([...line, "--lr", "30"], { cwd: dir.path });
    expect(stderr).toMatch(
      /^elbow: (?:the loss|the test loss|a weight) at step 1 of 1 in epoch \d+: expected a finite number, found (?:NaN|Infinity); try a learning rate below 30; later has the model and the checkpoint after epoch \d+\n$/,
    );
    expect(code).toBe(1);
    const [, failed, good] = /in epoch (\d+): .* after epoch (\d+)$/m.exec(stderr)!;
    expect(Number(good)).toBe(Number(failed) - 1);
    const lines = (await readFile(dir.at("later", "metrics.jsonl"), "utf8")).trimEnd().split("\n");
    expect(JSON.parse(lines.at(-1)!).epoch).toBe(Number(good));
    expect(JSON.parse(stdout.trimEnd().split("\n").at(-1)!)).toMatchObject({ event: "error", exitCode: 1 });
    expect((await elbow(["evaluate", "later"], { cwd: dir.path })).code).toBe(0);
  });
});

describe.concurrent("places that cannot be written to", () => {
  test.each([
    ["a file in the way", "idx/train-images-idx3-ubyte.gz/run", "a file in its path"],
    ["a file itself", "idx/train-images-idx3-ubyte.gz", "a file in its path"],
  ])("%s", async (_, out, reason) => {
    const { code, stdout, stderr } = await elbow(["train", ...SMALL, "--out", out], { cwd: dir.path });
    expect(stderr).toBe(
      `elbow: ${out}: expected a directory that a run can be written to, found ${reason}; give another --out\n`,
    );
    expect(code).toBe(1);
    expect(stdout).toBe("");
  });

  test.runIf(process.platform === "linux")("a file system that makes no directories", async () => {
    const { code, stderr } = await elbow(["train", ...SMALL, "--out", "/proc/run"], { cwd: dir.path });
    expect(stderr).toMatch(
      /^elbow: \/proc\/run: expected a directory that a run can be written to, [^\n]+\n$/,
    );
    expect(code).toBe(1);
  });

  // `ulimit -f` lets no file grow beyond so many KiB, much like a disk that is full.
  test.runIf(process.platform === "linux")("a disk that fills up", async () => {
    const command = 'ulimit -f 20 && exec "$0" "$@"';
    const line = ["train", "--data", "idx", "--hidden", "64", "--epochs", "1", "--out", "full"];
    const { code, stderr } = await start("bash", ["-c", command, process.execPath, MAIN, ...line], {
      cwd: dir.path,
    }).end;
    const fault = "expected a writable path, found a limit on the size of files \\(EFBIG\\); raise [^;\\n]+";
    const lines = [
      `elbow: full/samples\\.png: ${fault}; training continues without it`,
      `elbow: full/model\\.safetensors: ${fault}; training continues, and the save is tried again`,
      `elbow: full/model\\.safetensors: ${fault}; nothing was saved`,
    ];
    expect(stderr).toMatch(new RegExp(`^${lines.join("\n")}\n$`));
    expect(code).toBe(1);
    expect(await listing(dir.at("full"))).toBeUndefined();
  });
});

test("a model that needs too much memory says how much", async () => {
  const { code, stderr } = await elbow(["train", ...SMALL, "--hidden", "100000,100000", "--out", "big"], {
    cwd: dir.path,
  });
  expect(stderr).toMatch(
    /^elbow: memory: expected at most 4,096 MiB \(the limit of WebAssembly\), found a need of [\d,]+ MiB \([\d,]+ MiB of it for \w+\); [^\n]+\n$/,
  );
  expect(code).toBe(1);
  expect(await listing(dir.at("big"))).toBeUndefined();
});

test("a reader who has seen enough ends a run like Ctrl-C", async () => {
  // With pipefail the command's exit code is the pipe's, as head has none but 0.
  const script = 'set -o pipefail; "$0" "$@" | head -n 1 >/dev/null';
  const line = ["train", ...SMALL, "--epochs", "100000", "--json", "--out", "piped"];
  const { code, stderr } = await start("bash", ["-c", script, process.execPath, MAIN, ...line], {
    cwd: dir.path,
  }).end;
  expect(stderr).toBe("");
  expect(code).toBe(130);
  expect(await listing(dir.at("piped"))).toContain("checkpoint.safetensors");
});

test.runIf(process.platform === "linux")(
  "a full disk under stdout is one line, and a run is saved",
  async () => {
    const full =
      "elbow: stdout: expected a writable path, found a full disk (ENOSPC); free some space or choose another place\n";
    const toFull = (...line: string[]) =>
      start("sh", ["-c", 'exec "$0" "$@" >/dev/full', process.execPath, MAIN, ...line], { cwd: dir.path })
        .end;
    const run = await toFull("train", ...SMALL, "--epochs", "100000", "--json", "--out", "unheard");
    expect(run.stderr).toBe(full);
    expect(run.code).toBe(1);
    expect(await listing(dir.at("unheard"))).toContain("checkpoint.safetensors");
    const info = await toFull("info", "unheard");
    expect(info.stderr).toBe(full);
    expect(info.code).toBe(1);
  },
);

// `script` gives the command a terminal.
const hasScript =
  process.platform === "linux" && execFileSync("sh", ["-c", "command -v script || true"]).length > 0;

test.runIf(hasScript)("on a terminal a bar shows how far the epoch is, within 80 columns", async () => {
  const line = `stty cols 80; '${process.execPath}' '${MAIN}' train --data idx --hidden 512,512 --batch-size 1 --epochs 1 --out bar`;
  const { stdout } = await start("script", ["-qec", line, "/dev/null"], {
    cwd: dir.path,
    env: { TERM: "xterm" },
  }).end;
  const drawn = stdout.split(/[\r\n]|\p{Cc}\[\d*[A-Za-z]/u).filter((text) => text.includes("━"));
  expect(
    drawn.some((text) => /^Epoch 1\/1 ━*─* +\d+% {2}loss \d+\.\d {2}[\d ]+ images\/s$/.test(text)),
    stdout,
  ).toBe(true);
  for (const text of drawn) expect(text.length).toBeLessThanOrEqual(80);
  expect(stdout).toMatch(/^.*Epoch 1, Loss: .*images\/s/m);
});

test("what was left on disk by a config.json that is no JSON", async () => {
  await writeFile(dir.at("config.json"), "{");
  const { code, stderr } = await elbow(["train", "--resume", "."], { cwd: dir.path });
  expect(stderr).toBe("elbow: config.json: expected JSON, found another text\n");
  expect(code).toBe(1);
});
