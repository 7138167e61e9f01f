// npm run bench: correctness first, then time. Prints tables and writes the numbers as JSON; report.ts makes RESULTS.md.

import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { tuneEngine } from "../src/node.ts";
import { benchBreakEven, breakEvenTable } from "./break-even.ts";
import { type BenchData, loadData } from "./data.ts";
import { benchKernels, kernelsTable } from "./kernels.ts";
import { thisMachine } from "./machine.ts";
import { readOptions, type Section } from "./options.ts";
import type { BenchResults } from "./results.ts";
import { benchScaling, scalingTable } from "./scaling.ts";
import { type Setting, settle } from "./setting.ts";
import { benchStep } from "./step.ts";
import { stepTable } from "./step-table.ts";
import { benchSweep, sweepTable } from "./sweep.ts";
import { digits3, formatTable, type Table } from "./table.ts";
import { benchTiles, tilesTable } from "./tiles.ts";

type Part = Partial<BenchResults>;

function peakLine({ peak, arithmetic, tile, engine }: Setting): string {
  const { hertz, lanes, flops } = peak;
  return (
    `${digits3(hertz / 1e9)} GHz × 2 units × ${lanes} lanes × ${arithmetic === "relaxed" ? 2 : 1} = ` +
    `${digits3(flops / 1e9)} GFLOP/s a core; kernels ${arithmetic}, tile ${tile}, ` +
    `revectorizer ${engine.revectorized ? "on" : "off"}`
  );
}

/** Runs one section; gives its numbers and its tables. */
async function runSection(section: Section, setting: Setting, data: BenchData): Promise<[Part, Table[]]> {
  const { peak } = setting;
  const cores = availableParallelism();
  switch (section) {
    case "tiles": {
      const tiles = await benchTiles(setting);
      return [{ tiles }, [tilesTable(tiles, peak)]];
    }
    case "kernels": {
      const kernels = await benchKernels(setting);
      return [{ kernels }, [kernelsTable(kernels, peak)]];
    }
    case "sparse": {
      const breakEven = await benchBreakEven(setting);
      return [{ breakEven }, [breakEvenTable(breakEven)]];
    }
    case "step": {
      const step = await benchStep(setting, data);
      return [{ step }, step.map(stepTable)];
    }
    case "scaling": {
      const scaling = await benchScaling(setting, data, cores);
      return [{ scaling }, [scalingTable(scaling)]];
    }
    case "sweep": {
      const sweep = await benchSweep(setting, data, cores);
      return [{ sweep }, [sweepTable(sweep, peak.flops, cores)]];
    }
  }
}

const options = readOptions();
const engine = tuneEngine();
const setting = await settle(options, engine);
const machine = thisMachine();
console.log(
  `${machine.processor}, ${machine.cores} cores; Node ${machine.node}, V8 ${machine.v8}; ${machine.commit}`,
);
console.log(`${peakLine(setting)}\n`);
const data = await loadData(options);
const { arithmetic, tile, peak } = setting;
let results: BenchResults = {
  machine,
  arithmetic,
  tile,
  revectorized: engine.revectorized,
  quick: options.quick,
  peak,
};
for (const section of options.only) {
  const [part, tables] = await runSection(section, setting, data);
  results = { ...results, ...part };
  for (const table of tables) console.log(formatTable(table));
}
mkdirSync(dirname(options.json), { recursive: true });
writeFileSync(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
console.log(`The numbers are in ${options.json}`);
