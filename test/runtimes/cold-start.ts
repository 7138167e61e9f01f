// node test/runtimes/cold-start.ts: how long a Worker takes, once its modules are there, to its first code of a row with
// the default model (784-400-2): reading the model's file, making the model, encoding, all for the first time.
//
// Clocks stand still inside a request. So the Worker asks a service outside before the work and after it, and the time
// between the two arrivals is taken there. A Worker that does nothing between the two tells what the asking itself takes.
// Every time is that of a new workerd process.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Response } from "miniflare";
import { OWN_NODE } from "./engines.ts";
import { runFile } from "./programs.ts";
import { makeProject, pack } from "./project.ts";
import { bundleWorker, startWorker } from "./worker.ts";

const ROUNDS = 15;
const BAR_MS = 15;

/** Milliseconds between the Worker's two calls, in a new workerd. */
async function measure(bundle: string, work: "encode" | "nothing"): Promise<number> {
  const rings = new Map<string, number>();
  const ring = ({ url }: { readonly url: string }): Response => {
    rings.set(new URL(url).pathname, performance.now());
    return new Response("");
  };
  const miniflare = startWorker(bundle, { services: { BELL: ring } });
  try {
    const response = await miniflare.dispatchFetch(`http://worker/${work}`);
    assert.equal(((await response.json()) as number[]).length, work === "encode" ? 2 : 0);
    return rings.get("/after")! - rings.get("/before")!;
  } finally {
    await miniflare.dispose();
  }
}

function summary(times: readonly number[]): { least: number; median: number; most: number } {
  const sorted = times.toSorted((a, b) => a - b);
  return { least: sorted[0]!, median: sorted[Math.floor(sorted.length / 2)]!, most: sorted.at(-1)! };
}

const folder = await mkdtemp(join(tmpdir(), "elbow-cold-start-"));
try {
  const project = join(await makeProject(folder, await pack(folder)), "cold-start");
  await runFile(OWN_NODE, "make-model.js", project);
  const bundle = await bundleWorker(project);
  const times: Record<"encode" | "nothing", number[]> = { encode: [], nothing: [] };
  for (let round = 0; round < ROUNDS; round++) {
    times.nothing.push(await measure(bundle, "nothing"));
    times.encode.push(await measure(bundle, "encode"));
  }
  const [encode, nothing] = [summary(times.encode), summary(times.nothing)];
  const line = (name: string, { least, median, most }: ReturnType<typeof summary>): string =>
    `${name.padEnd(32)} ${[least, median, most].map((ms) => ms.toFixed(1).padStart(7)).join(" ")}`;
  console.log(`${"ms, of ".concat(String(ROUNDS), " processes each").padEnd(32)}   least  median    most`);
  console.log(line("asking twice, nothing between", nothing));
  console.log(line("asking twice, a code between", encode));
  const taken = encode.median - nothing.median;
  console.log(
    `The first code takes ${taken.toFixed(1)} ms (difference of the medians); the bar is ${BAR_MS} ms.`,
  );
} finally {
  await rm(folder, { recursive: true });
}
