import type { StepResult } from "./step.ts";
import { microseconds, percent, type Table } from "./table.ts";

/** The five big products, as the timed kernels name them; an update is one less Adam's part of it. */
const FIVE = ["fc1 forward", "fc4 forward", "fc4 backward", "fc4 update", "fc1 update"] as const;

const MEANING: Readonly<Record<string, string>> = {
  countNonzeros: "how many there are",
  gather: "bytes of the dataset to floats",
  listRows: "nonzeros, by row",
  listColumns: "nonzeros, by column",
  "fc1 forward": "h1 = x·W1",
  "fc4 forward": "logits = h2·W4",
  "fc4 backward": "dh2 = dlogits·W4ᵀ",
  "fc4 update": "dW4 = h2ᵀ·dlogits",
  "fc1 update": "dW1 = xᵀ·dh1",
  bernoulli: "−log p(x|z) and its gradient",
  rest: "JavaScript, and the clock",
};

function adamTotal({ adam }: StepResult): number {
  return Object.values(adam).reduce((sum, seconds) => sum + seconds, 0);
}

/** What sparse products read, made for them in each step: as packing is, it is counted as theirs. */
const PACKING = new Set(["listRows", "listColumns"]);

/** Seconds of a part without Adam. */
function ownTime({ parts, adam }: StepResult, name: string): number {
  const [layer, kind] = name.split(" ");
  return parts[name]! - (kind === "update" ? (adam[layer!] ?? 0) : 0);
}

/** The share of a step that is not spent in the five products and their lists. */
export function outsideProducts(result: StepResult): number {
  const names = Object.keys(result.parts).filter((name) => PACKING.has(name));
  const inside = [...FIVE, ...names].reduce((sum, name) => sum + ownTime(result, name), 0);
  const all = Object.values(result.parts).reduce((sum, seconds) => sum + seconds, 0);
  return 1 - inside / all;
}

export function stepTable(result: StepResult): Table {
  const { data, sparse, timed, step, parts } = result;
  const all = Object.values(parts).reduce((sum, seconds) => sum + seconds, 0);
  const row = (name: string, meaning: string, seconds: number): string[] => [
    name,
    meaning,
    microseconds(seconds),
    percent(seconds / all),
  ];
  const own = Object.keys(parts).map((name) => {
    const mark = FIVE.some((one) => one === name) ? "● " : PACKING.has(name) ? "○ " : "";
    return row(`${mark}${name}`, MEANING[name] ?? "", ownTime(result, name));
  });
  return {
    title: `A training step on one thread: ${data}, ${sparse ? "sparse" : "dense"}`,
    note:
      `Medians of each part; ● marks the five big products, without Adam, ○ their lists. The step takes ${microseconds(step)} µs, with ` +
      `a clock around each kernel ${microseconds(timed)} µs. Outside both: ${percent(outsideProducts(result))}.`,
    columns: ["part", "", "µs", "of step"],
    rows: [...own, row("Adam", "all layers", adamTotal(result))],
  };
}
