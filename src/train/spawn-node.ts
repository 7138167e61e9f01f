import { Worker } from "node:worker_threads";
import nodeEndpoint from "comlink/dist/esm/node-adapter.mjs";
import type { SpawnedWorker } from "./pool.ts";

/** In a checkout Node runs the TypeScript itself, in the package it is JavaScript. */
const EXTENSION = import.meta.url.endsWith(".ts") ? "ts" : "js";

export function spawnNode(): SpawnedWorker {
  const worker = new Worker(new URL(`./worker-node.${EXTENSION}`, import.meta.url));
  return {
    endpoint: nodeEndpoint(worker),
    onFailure(report) {
      // more than once: an error that nobody listens for would end the process
      worker.on("error", (error) => report(error instanceof Error ? error.message : String(error)));
      worker.once("exit", (code) => report(`it ended with exit code ${code}`));
    },
    hold: (on) => (on ? worker.ref() : worker.unref()),
    terminate: () => void worker.terminate(),
  };
}
