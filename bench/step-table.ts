import type { StepResult } from "./step.ts";
import { microseconds, percent, type Table } from "./table.ts";

/** The five big products, as the timed kernels name them; an update is one less Adam's part of it. */
const FIVE = ["fc1 forward", "fc4 forward", "fc4 backward", "fc4 update", "fc1 update"] as const;

const MEANING: Readonly<Record<string, string>> = {
  gatherBytes: "bytes of the dataset to floats",
  listRows: "what is not zero, by row",
  listColumns: "what is not zero, by column",
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

/** Seconds of a part without Adam. */
function ownTime({ parts, adam }: StepResult, name: string): number {
  const [layer, kind] = name.split(" ");
  return parts[name]! - (kind === "update" ? (adam[layer!] ?? 0) : 0);
}

/** The share of a step that is not spent in the five products. */
export function outsideProducts(result: StepResult): number {
  const inside = FIVE.reduce((sum, name) => sum + ownTime(result, name), 0);
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
    const five = FIVE.some((one) => one === name);
    return row(`${five ? "● " : ""}${name}`, MEANING[name] ?? "", ownTime(result, name));
  });
  return {
    title: `A training step on one thread: ${data}, ${sparse ? "first layer sparse" : "all dense"}`,
    note:
      `Medians of each part; ● marks the five big products, without Adam. The step takes ${microseconds(step)} µs, with ` +
      `a clock around each kernel ${microseconds(timed)} µs. Outside the five products: ${percent(outsideProducts(result))}.`,
    columns: ["part", "", "µs", "of step"],
    rows: [...own, row("Adam", sparse ? "fc1's part inferred from fc4's" : "all layers", adamTotal(result))],
  };
}
