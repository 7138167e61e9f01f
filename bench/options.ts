import process from "node:process";
import { parseArgs } from "node:util";

export const SECTIONS = ["tiles", "kernels", "sparse", "step", "scaling", "sweep"] as const;
export type Section = (typeof SECTIONS)[number];

export interface Options {
  readonly quick: boolean;
  readonly only: readonly Section[];
  /** Where the JSON goes. */
  readonly json: string;
  /** A name or a path, as the command's --data. */
  readonly data: string;
  readonly dataDir: string | undefined;
}

const HELP = `Measures Elbow on this machine.

  --quick            shorter and rougher
  --only A,B         of ${SECTIONS.join(", ")}
  --data NAME|PATH   what to train on: digits (the default), mnist, or a directory of IDX files
  --data-dir DIR     where named datasets are kept
  --json FILE        where the numbers go (bench/build/bench.json)`;

function isSection(name: string): name is Section {
  return SECTIONS.some((section) => section === name);
}

/** Reads the command line; ends the process where it asks for help or cannot be understood. */
export function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string", default: SECTIONS.join(",") },
        json: { type: "string", default: "bench/build/bench.json" },
        data: { type: "string" },
        "data-dir": { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    const only = values.only.split(",").map((name) => {
      if (isSection(name)) return name;
      throw new Error(`--only: expected some of ${SECTIONS.join(", ")}, found ${name}`);
    });
    const dataDir = values["data-dir"];
    return {
      quick: values.quick,
      only,
      json: values.json,
      data: values.data ?? (dataDir ? "mnist" : "digits"),
      dataDir,
    };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    process.exit(2);
  }
}
