/** Which process holds something, as another process can judge it. */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import process from "node:process";

export interface Holder {
  readonly host: string;
  /** Of the machine, new at every start of its system; empty where the system has none. */
  readonly boot: string;
  /** Processes of one namespace see each other by their numbers; containers have their own. */
  readonly namespace: string;
  readonly pid: number;
  /** When the process started, in the system's own unit: its number may be another's later. */
  readonly started: string;
}

/** This process. */
export function thisProcess(): Holder {
  return {
    host: hostname(),
    boot: orEmpty(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    namespace: orEmpty(() => readlinkSync("/proc/self/ns/pid")),
    pid: process.pid,
    started: statOf(process.pid)?.started ?? "",
  };
}

/** Whether a process is still there; undefined where this one cannot see it: on another machine, in another container. */
export function isAlive({ boot, namespace, pid, started }: Holder): boolean | undefined {
  const here = thisProcess();
  if (boot === "" || boot !== here.boot || namespace !== here.namespace) return undefined;
  if (!isNumberInUse(pid)) return false;
  const there = statOf(pid);
  if (there === undefined) return undefined; // a system may hide the processes of other users
  return there.started === started && !ENDED.has(there.state);
}

/** A killed process keeps its number until its parent has noticed. */
const ENDED: ReadonlySet<string> = new Set(["Z", "X"]);

function isNumberInUse(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Fields 3 and 22 of Linux's /proc/PID/stat, see proc_pid_stat(5). */
function statOf(pid: number): { readonly state: string; readonly started: string } | undefined {
  // field 2 is the program's name in parentheses, which may have any character in it
  const fields = orEmpty(() => readFileSync(`/proc/${pid}/stat`, "utf8"))
    .replace(/^.*\) /s, "")
    .split(" ");
  const [state, started] = [fields[0], fields[19]];
  return state && started ? { state, started } : undefined;
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
