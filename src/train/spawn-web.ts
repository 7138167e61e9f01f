import type { SpawnedWorker } from "./pool.ts";

export function spawnWeb(): SpawnedWorker {
  const worker = new Worker(new URL("./worker-web.js", import.meta.url), { type: "module" });
  return {
    endpoint: worker,
    onFailure(report) {
      worker.addEventListener("error", (event) => report(event.message || "its script did not load"), {
        once: true,
      });
    },
    hold: () => {}, // a page does not wait for its workers
    terminate: () => worker.terminate(),
  };
}
