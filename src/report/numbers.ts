/** Formats numbers for people. */
import type { EpochMetrics } from "../train/metrics.ts";

/** The line of an epoch, at most 80 columns: `Epoch 1, Loss: 187.3, test 169.1, 41 200 images/s`. */
export function epochLine({ epoch, trainLoss, testLoss, imagesPerSecond }: EpochMetrics): string {
  const test = testLoss === null ? "" : `, test ${lossText(testLoss)}`;
  return `Epoch ${epoch}, Loss: ${lossText(trainLoss)}${test}, ${rateText(imagesPerSecond)} images/s`;
}

/** Four significant digits, or one decimal: another seed changes a loss by more. */
export function lossText(loss: number): string {
  const size = Math.abs(loss);
  if (size >= 1e7) return loss.toExponential(3);
  return size >= 100 ? loss.toFixed(1) : loss.toPrecision(4);
}

/** Three significant digits, as timings repeat no more, in groups of three. */
export function rateText(rate: number): string {
  const rounded = Number(rate.toPrecision(3));
  return rounded < 1000 ? String(rounded) : groupDigits(rounded);
}

/** A whole number in groups of three: `41 200`. */
export function groupDigits(value: number): string {
  return String(value).replace(/\B(?=(?:\d{3})+$)/g, " ");
}
