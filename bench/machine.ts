import { execFileSync } from "node:child_process";
import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";
import process from "node:process";

/** What a number is worth nothing without. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly v8: string;
  readonly commit: string;
  readonly date: string;
}

function git(args: string): string {
  try {
    return execFileSync("git", args.split(" "), {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "";
  }
}

function commit(): string {
  const hash = git("rev-parse --short=10 HEAD");
  if (hash === "") return "not in a checkout";
  const changed = git("status --porcelain -- assembly src asconfig.json package-lock.json");
  return changed === "" ? hash : `${hash} and changes`;
}

export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()}`,
    node: process.versions.node,
    v8: process.versions.v8 ?? "none",
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
  };
}
