import { spawn } from "node:child_process";
import process from "node:process";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { times } from "../support/times.ts";

const PROGRAM = fileURLToPath(new URL("ends-program.ts", import.meta.url));

interface Outcome {
  readonly kind: string;
  /** Resident bytes after each third of the times. */
  readonly marks: readonly [number, number, number];
  /** What the process still had open. */
  readonly left: readonly string[];
}

/** Things that are done so many times in a process of its own, which has to end by itself. */
async function repeat(
  counts: Readonly<Record<string, number>>,
  during?: (pid: number) => Promise<void>,
): Promise<Outcome[]> {
  const work = Object.entries(counts).map((pair) => pair.join("="));
  const child = spawn(process.execPath, ["--expose-gc", PROGRAM, ...work]);
  const ended = new Promise((resolve) => child.once("close", resolve));
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  await during?.(child.pid!);
  expect(await ended, await stderr).toBe(0);
  return (await stdout)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Outcome);
}

/** What a process without threads has: its standard streams. */
const OWN = new Set(["PipeWrap", "TTYWrap", "FSReqCallback"]);

test("a process ends by itself, and nothing is left of epochs, errors, refused threads and trainers", {
  timeout: 300_000,
}, async () => {
  const counts = {
    create: times(2, 200),
    epochs: times(20, 200),
    callbacks: times(10, 100),
    refused: times(4, 100),
    forgotten: 1, // what nobody disposed of is the last
  };
  for (const { kind, marks, left } of await repeat(counts)) {
    if (kind !== "forgotten") expect(left.filter((name) => !OWN.has(name))).toEqual([]);
    // the first third is for compilers and pools; fewer times than these say nothing of memory
    if (counts[kind as keyof typeof counts] >= 100) expect(marks[2] / marks[1], kind).toBeLessThan(1.05);
  }
});

test.runIf(process.platform !== "win32")("a process that was suspended goes on", async () => {
  await repeat({ impatient: 1 }, async (pid) => {
    await sleep(1200);
    process.kill(pid, "SIGSTOP");
    await sleep(1500);
    process.kill(pid, "SIGCONT");
  });
});
