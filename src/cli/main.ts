#!/usr/bin/env node
// The command `elbow`.
import process from "node:process";
import { exitCodeOf, report } from "./fail.ts";
import { watchReader } from "./output.ts";
import { helpHint, run } from "./program.ts";

watchReader();
// Beyond `ulimit -f` a write must fail with an error; without a listener the signal ends the process.
process.on("SIGXFSZ", () => {});
const line = process.argv.slice(2);
try {
  process.exitCode = await run(line);
} catch (error) {
  process.exitCode = exitCodeOf(error);
  if (process.exitCode !== 0) report(error, helpHint(line));
}
