// npm run bench:peers: the identical training in other programs and in Elbow, in turn. Writes JSON for report.ts.

import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname } from "node:path";
import process from "node:process";
import { parseArgs, promisify } from "node:util";
import { defaultDataDir, findDataset } from "../../src/data/store-node.ts";
import { thisMachine } from "../machine.ts";
import {
  type PeerLine,
  type PeerResult,
  type PeerResults,
  peersTable,
  versionsTable,
} from "../peer-results.ts";
import { formatTable } from "../table.ts";
import { type Contender, gather } from "./contenders.ts";

const HELP = `Measures the identical training in Elbow, PyTorch, jax-js and TensorFlow.js.

  --data-dir DIR   where MNIST is (its IDX files in DIR/mnist)
  --rounds N       how often each is run (5)
  --epochs N       epochs of each run, the last of which counts (2)
  --node PATH      an older Node to run Elbow with as well; may repeat
  --only TEXT      only programs whose name has this; may repeat
  --json FILE      where the numbers go (bench/build/peers.json)

PYTHON names the Python that has PyTorch (python3).`;

const { values: options } = parseArgs({
  options: {
    "data-dir": { type: "string" },
    rounds: { type: "string", default: "5" },
    epochs: { type: "string", default: "2" },
    node: { type: "string", multiple: true, default: [] },
    only: { type: "string", multiple: true, default: [] },
    json: { type: "string", default: "bench/build/peers.json" },
    help: { type: "boolean", default: false },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit(0);
}
const rounds = Number(options.rounds);
const epochs = Number(options.epochs);

async function mnistDirectory(): Promise<string> {
  const dataDir = options["data-dir"] ?? defaultDataDir();
  const paths = await findDataset("mnist", dataDir);
  if (paths) return dirname(paths.trainImages);
  console.error(`expected MNIST in ${dataDir}/mnist; \`elbow train\` fetches it, or give --data-dir`);
  process.exit(1);
}

const LONGEST_MS = 1_800_000;

/** Runs a program; gives the line that it prints last. */
async function run({ command, args, env }: Contender, directory: string): Promise<PeerLine> {
  const all = [...args, directory, "--epochs", String(epochs)];
  const { stdout } = await promisify(execFile)(command, all, {
    env: { ...process.env, ...env },
    timeout: LONGEST_MS,
  });
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as PeerLine;
}

const directory = await mnistDirectory();
const field = gather(options.node);
const wanted = ({ name }: Contender): boolean =>
  options.only.length === 0 || options.only.some((text) => name.includes(text));
const contenders = field.contenders.filter(wanted);
const load = loadavg()[0]!;
const lines = contenders.map((): PeerLine[] => []);
/** Programs that failed once are left out; the others go on. */
const failed = new Map<Contender, string>();
for (let round = 1; round <= rounds; round++) {
  for (const [i, contender] of contenders.entries()) {
    if (failed.has(contender)) continue;
    let line: PeerLine;
    try {
      line = await run(contender, directory);
    } catch (error) {
      const reason = String(error).trim().split("\n").at(-1)!;
      failed.set(contender, reason);
      console.error(`${contender.name}, ${contender.data}: failed and is left out: ${reason}`);
      continue;
    }
    lines[i]!.push(line);
    const seconds = line.epochs.at(-1)!.seconds.toFixed(2);
    console.error(
      `round ${round}/${rounds}  ${contender.name}, ${contender.data}, ${line.threads}: ${seconds} s`,
    );
  }
}
const results = contenders.flatMap((contender, i): PeerResult[] => {
  if (failed.has(contender)) return [];
  const { name, data, role } = contender;
  const [{ version, threads, steps }] = lines[i]!;
  const last = lines[i]!.map((line) => line.epochs.at(-1)!);
  const seconds = last.map((one) => one.seconds);
  return [{ name, data, role, version, threads, seconds, loss: last[0]!.loss, steps }];
});
const skipped = [
  ...field.skipped.map(({ name, install }) => ({ name, why: `not installed: ${install}` })),
  ...[...failed].map(([{ name, data }, reason]) => ({ name: `${name}, ${data}`, why: `failed: ${reason}` })),
];
const written: PeerResults = { machine: thisMachine(), rounds, epochs, load, results, skipped };
mkdirSync(dirname(options.json), { recursive: true });
writeFileSync(options.json, `${JSON.stringify(written, undefined, 2)}\n`);
console.log(`${formatTable(peersTable(written))}\n${formatTable(versionsTable(written))}`);
for (const { name, why } of skipped) console.log(`left out: ${name} (${why})`);
console.log(`The numbers are in ${options.json}`);
