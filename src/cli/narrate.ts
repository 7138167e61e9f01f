/** What a training run prints: lines for people, lines of JSON for programs, or nothing. */
import process from "node:process";
import { SingleBar } from "cli-progress";
import { shellWord } from "../codecs/quote.ts";
import { stepsPerEpoch } from "../data/sampler.ts";
import { widthsText } from "../model/architecture.ts";
import { imageOf, type VaeConfig } from "../model/config.ts";
import type { Arithmetic, EpochMetrics, Progress } from "../node.ts";
import { epochLine, groupDigits, lossText, rateText } from "../report/numbers.ts";
import type { RunConfig } from "../runs/run-config.ts";
import { RUN_FILES } from "../runs/run-directory-node.ts";
import { columns, commandName, counted, note, print, printJson } from "./output.ts";

/** Known before the first step. */
export interface RunStart {
  readonly directory: string;
  readonly config: RunConfig;
  readonly parameters: number;
  readonly workers: number;
  readonly tile: string;
  /** Where a resumed run continues. */
  readonly epoch: number;
  readonly step: number;
}

/** How far a run is when it ends, done or interrupted. */
export interface RunEnd {
  readonly directory: string;
  /** Whole epochs, and steps after them. */
  readonly epoch: number;
  readonly step: number;
  readonly steps: number;
  readonly epochs: number;
  /** Since the command started. */
  readonly seconds: number;
  readonly files: readonly string[];
}

export interface Narrator {
  start(run: RunStart): void;
  progress(progress: Progress): void;
  epoch(metrics: EpochMetrics): void;
  /** Something failed, and the run goes on. */
  warn(message: string): void;
  done(end: RunEnd): void;
  interrupted(end: RunEnd): void;
  /** Removes the bar, however the run ends. */
  close(): void;
}

export function chooseNarrator({ quiet, json }: { quiet?: boolean; json?: boolean }): Narrator {
  if (json) return new JsonLines();
  if (quiet) return new Silence();
  return new Lines(process.stdout.isTTY && process.env.TERM !== "dumb");
}

class Silence implements Narrator {
  start(_run: RunStart): void {}
  progress(): void {}
  epoch(_metrics: EpochMetrics): void {}
  warn(message: string): void {
    note(`elbow: ${message}`);
  }
  done(_end: RunEnd): void {}
  interrupted(_end: RunEnd): void {}
  close(): void {}
}

/** Lines of JSON and nothing else. */
class JsonLines extends Silence {
  override start({ directory, config, ...rest }: RunStart): void {
    const { data, model, training, epochs, arithmetic } = config;
    const settings = { data, model, training: { epochs, ...training }, arithmetic };
    printJson({ event: "start", directory, ...settings, ...rest });
  }

  override epoch(metrics: EpochMetrics): void {
    printJson({ event: "epoch", ...metrics });
  }

  override warn(message: string): void {
    super.warn(message);
    printJson({ event: "warning", message });
  }

  override done({ directory, epoch, seconds, files }: RunEnd): void {
    printJson({ event: "done", directory, epoch, seconds, files });
  }

  override interrupted({ directory, epoch, step, seconds, files }: RunEnd): void {
    printJson({ event: "interrupted", directory, epoch, step, seconds, files });
  }
}

/** One line per epoch, and on a terminal a progress bar of the current one. */
class Lines implements Narrator {
  readonly #terminal: boolean;
  #bar: EpochBar | undefined;

  constructor(terminal: boolean) {
    this.#terminal = terminal;
  }

  start(run: RunStart): void {
    const { config, directory, epoch, step } = run;
    const { data, training } = config;
    const resumed =
      epoch > 0 || step > 0 ? `, resumed after epoch ${epoch}${step > 0 ? `, step ${step}` : ""}` : "";
    const lines = columns([
      ["Data", `${data.name}, ${rowsText(config)}`],
      ["Model", `${modelText(config.model)}, ${groupDigits(run.parameters)} parameters`],
      ["Training", trainingText(config)],
      ["Kernels", kernelsText(config.arithmetic, run.tile, run.workers)],
      ["Run", `${directory}${resumed}`],
    ]);
    for (const line of lines) print(line, "dim");
    if (!this.#terminal) return;
    this.#bar = new EpochBar(config);
    // Even a second Ctrl-C, which ends the process at once, must give the terminal its cursor back.
    process.once("exit", () => this.close());
    const steps = stepsPerEpoch(data.train, training.batchSize);
    this.#bar.show({ epoch: epoch + 1, step, steps, loss: 0 });
  }

  progress(progress: Progress): void {
    this.#bar?.show(progress);
  }

  epoch(metrics: EpochMetrics): void {
    this.#bar?.clear();
    print(epochLine(metrics));
  }

  warn(message: string): void {
    this.#bar?.clear();
    note(`elbow: ${message}`);
  }

  done({ directory, epoch, seconds, files }: RunEnd): void {
    const run = shellWord(directory);
    print(`Done: ${counted(epoch, "epoch")} in ${seconds.toFixed(1)} s. Files in ${directory}:`);
    const isPicture = (name: string): boolean => name.endsWith(".png");
    for (const group of [files.filter((name) => !isPicture(name)), files.filter(isPicture)]) {
      if (group.length > 0) print(`  ${group.join("  ")}`);
    }
    print("Next:");
    print(`  ${commandName()} evaluate ${run}`);
    if (files.includes(RUN_FILES.samples)) print(`  ${commandName()} sample ${run} -n 16 -o more.png`);
  }

  interrupted({ directory, epoch, step, steps, epochs }: RunEnd): void {
    const at = step > 0 ? `at step ${step} of ${steps} in epoch ${epoch + 1}` : `after epoch ${epoch}`;
    note(`Stopped ${at} of ${epochs}; everything is saved. To resume:`);
    note(`  ${commandName()} train --resume ${shellWord(directory)}`);
  }

  close(): void {
    this.#bar?.clear();
  }
}

/** The line at the bottom of the terminal; it fits 80 columns. */
class EpochBar {
  readonly #epochs: number;
  readonly #rows: (step: number) => number;
  #bar: SingleBar | undefined;
  /** Where the clock started: the first steps of a resumed epoch took no time now. */
  #from = { time: 0, rows: 0 };

  constructor({ data, training, epochs }: RunConfig) {
    this.#epochs = epochs;
    this.#rows = (step) => Math.min(data.train, step * training.batchSize);
  }

  show({ epoch, step, steps, loss }: Progress): void {
    const now = performance.now();
    const rows = this.#rows(step);
    if (this.#bar === undefined) {
      this.#from = { time: now, rows };
      this.#bar = this.#make(epoch);
      this.#bar.start(steps, step, { state: "" });
      return;
    }
    const rate = (1000 * (rows - this.#from.rows)) / (now - this.#from.time);
    const state = rate > 0 ? `  loss ${lossText(loss)}  ${rateText(rate)} images/s` : "";
    this.#bar.update(step, { state });
  }

  #make(epoch: number): SingleBar {
    return new SingleBar({
      format: `Epoch ${epoch}/${this.#epochs} {bar} {percentage}%{state}`,
      stream: process.stdout,
      barsize: 24,
      barCompleteChar: "━",
      barIncompleteChar: "─",
      autopadding: true,
      clearOnComplete: true,
      hideCursor: true,
      gracefulExit: false, // the run handles Ctrl-C
    });
  }

  clear(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

/** `784-400-2-400-784, relu, bernoulli` */
export function modelText(config: VaeConfig): string {
  return `${widthsText(config)}, ${config.activation}, ${config.likelihood}`;
}

/** `10 epochs, batch 128, learning rate 0.001, seed 0` */
function trainingText({ epochs, training, model }: RunConfig): string {
  const { batchSize, learningRate } = training;
  return `${counted(epochs, "epoch")}, batch ${batchSize}, learning rate ${learningRate}, seed ${model.seed}`;
}

/** `60 000 + 10 000 images of 28 × 28` */
export function rowsText({ data: { train, test }, model }: RunConfig): string {
  const image = imageOf(model);
  const what = image === undefined ? "rows" : `images of ${image.height} × ${image.width}`;
  return `${groupDigits(train)} + ${groupDigits(test)} ${what}`;
}

export function kernelsText(arithmetic: Arithmetic, tile: string, workers: number): string {
  const rounding = arithmetic === "relaxed" ? "relaxed SIMD (fused multiply-add)" : "SIMD";
  return `${rounding}, tile ${tile}, ${counted(workers, "worker")}`;
}
